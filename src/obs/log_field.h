/* log_field.h: the names and values of a line of the log, besides its message. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"

#define LOG_LINE_MAX 4096   /* bytes with the line feed; fields that do not fit are left out, and "truncated":true tells */
#define LOG_STRING_MAX 1024 /* bytes of a string; the rest is cut off */

enum log_field_kind {
	LOG_FIELD_STRING,
	LOG_FIELD_UINT,
	LOG_FIELD_INT,
	LOG_FIELD_DOUBLE,
	LOG_FIELD_BOOL,
	LOG_FIELD_UUID,
};

struct log_field {
	const char *name;
	enum log_field_kind kind;
	union {
		struct slice string;
		uint64_t uint_value;
		int64_t int_value;
		double double_value;
		bool bool_value;
		const struct uuid *uuid;
	};
};

static inline struct log_field log_string(const char *name, const char *value)
{
	return (struct log_field){.name = name, .kind = LOG_FIELD_STRING, .string = slice_of(value)};
}

static inline struct log_field log_slice(const char *name, struct slice value)
{
	return (struct log_field){.name = name, .kind = LOG_FIELD_STRING, .string = value};
}

static inline struct log_field log_uint(const char *name, uint64_t value)
{
	return (struct log_field){.name = name, .kind = LOG_FIELD_UINT, .uint_value = value};
}

static inline struct log_field log_int(const char *name, int64_t value)
{
	return (struct log_field){.name = name, .kind = LOG_FIELD_INT, .int_value = value};
}

/* Three decimals; costs as much as three whole numbers, so that log_uint("duration_us", …) is better where lines are many. */
static inline struct log_field log_double(const char *name, double value)
{
	return (struct log_field){.name = name, .kind = LOG_FIELD_DOUBLE, .double_value = value};
}

static inline struct log_field log_bool(const char *name, bool value)
{
	return (struct log_field){.name = name, .kind = LOG_FIELD_BOOL, .bool_value = value};
}

static inline struct log_field log_uuid(const char *name, const struct uuid *value)
{
	return (struct log_field){.name = name, .kind = LOG_FIELD_UUID, .uuid = value};
}
