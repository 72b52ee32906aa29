/* attributes.h: the compiler attributes the project uses, under short names. */
#pragma once

#define must_check __attribute__((warn_unused_result))
#define cleanup(function) __attribute__((cleanup(function)))
#define format_printf(format_index, first_index) __attribute__((format(printf, format_index, first_index)))
#define thread_local_storage _Thread_local

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))
