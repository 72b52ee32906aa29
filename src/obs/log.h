/* log.h: one JSON object a line, or a line for people: time, level, message, then the fields.
 *
 *   log_event(logger, LOG_INFO, "request", log_string("route", route), log_uint("status", 201));
 *   {"time":"2026-01-02T03:04:05.678Z","level":"info","message":"request","route":"/v1/holds","status":201}
 *
 * The caller formats a line and a thread of the logger writes it, so that no caller waits for a pipe that nobody reads: when too many
 * wait, lines are dropped and counted, ordinary ones before warnings and errors. On exit (logger_free) and on abort, as by a failed
 * assert (logger_flush_on_abort), what waits is written first, for at most a second. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/log_level.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "obs/log_field.h"

struct logger;

/* Starts the writer. fd: borrowed, where lines go. level: lines below it cost nothing. ERR_NO_MEMORY, ERR_SYSTEM. */
must_check enum error logger_new(int fd, enum log_level level, struct logger **ret_logger);
/* Writes the lines that wait and ends the writer. Takes NULL. No thread may log any more. */
void logger_free(struct logger *logger);
/* From now on SIGABRT waits until the logger's lines are out. For one logger of the process, until logger_free. */
void logger_flush_on_abort(struct logger *logger);

/* From now on lines are for people (log_line.h). Before other threads log. */
void logger_write_text(struct logger *logger, bool is_in_colour);
/* Lines dropped since the start: those that nobody read, and those that could not be written. Safe from any thread. */
uint64_t logger_dropped(const struct logger *logger);
enum log_level logger_level(const struct logger *logger);

/* Turns debug lines on, or, the second time, the logger's own level. From one thread; answers the level now. */
enum log_level logger_toggle_debug(struct logger *logger);
/* Writes how many lines of each message were left out; all: also of the current second. A thread calls it once a second. */
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
