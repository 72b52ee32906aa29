/* log.h: one JSON object a line: time, level, message, then the fields.
 *
 *   log_event(logger, LOG_INFO, "request", log_string("route", route), log_uint("status", 201));
 *   {"time":"2026-01-02T03:04:05.678Z","level":"info","message":"request","route":"/v1/holds","status":201}
 *
 * A line is formatted where it happens and written by a thread of the logger, so that nobody waits for a pipe that nobody reads: when
 * too many wait, lines are dropped and counted, ordinary ones before warnings and errors. On exit (logger_free) and on abort, as by a
 * failed assert (logger_flush_on_abort), what waits is written first, for at most a second. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/log_level.h"
#include "base/slice.h"
#include "base/uuid.h"

#define LOG_LINE_MAX 4096   /* bytes with the line feed; fields that do not fit are left out, and "truncated":true tells */
#define LOG_STRING_MAX 1024 /* bytes of a string; the rest is cut off */

struct logger;

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

/* Starts the writer. fd: borrowed, where lines go. level: lines below it cost nothing. ERR_NO_MEMORY, ERR_SYSTEM. */
must_check enum error logger_new(int fd, enum log_level level, struct logger **ret_logger);
/* Writes the lines that wait and ends the writer. Takes NULL. No thread may log any more. */
void logger_free(struct logger *logger);
/* From now on SIGABRT waits until the logger's lines are out. For one logger of the process, until logger_free. */
void logger_flush_on_abort(struct logger *logger);

/* Lines dropped since the start. Safe from any thread. */
uint64_t logger_dropped(const struct logger *logger);
enum log_level logger_level(const struct logger *logger);

/* Debug lines are written too, or, the second time, what the logger was made for. From one thread; answers the level that is on now. */
enum log_level logger_toggle_debug(struct logger *logger);
/* Writes how many lines of each message were left out; all: also of the second that runs. For a thread that comes by once a second. */
void logger_tell_left_out(struct logger *logger, bool all);

/* Use log_event, which evaluates the fields only when the level is on. The same message is written ten times a second at most, and
 * "log lines were left out" tells of the others. Safe from any thread, never waits for the file. */
void log_write(struct logger *logger, enum log_level level, const char *message, const struct log_field *fields, uint32_t count);

/* The same without that limit, for messages that are meant to come often. */
void log_write_each(struct logger *logger, enum log_level level, const char *message, const struct log_field *fields, uint32_t count);

#define log_event(logger, level_, message, ...) \
	do { \
		if ((level_) >= logger_level(logger)) { \
			const struct log_field log_fields_[] = {__VA_ARGS__}; \
			log_write(logger, level_, message, log_fields_, sizeof log_fields_ / sizeof(struct log_field)); \
		} \
	} while (0)

/* "debug", "info", "warn", "error". */
const char *log_level_name(enum log_level level);

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
