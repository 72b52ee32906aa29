/* log.c: which lines are written, and what became of those that are not. */
#include "obs/log.h"

#include <assert.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/now.h"
#include "obs/log_limit.h"
#include "obs/log_line.h"
#include "obs/log_queue.h"

static_assert(LOG_LINE_MAX <= PIPE_BUF, "a line is written whole");

struct logger {
	struct log_queue *queue;
	enum log_level level; /* that it was made for */
	_Atomic(enum log_level) current_level;
	enum log_format format;
	bool is_in_colour;
	struct log_limit limit;
	_Atomic uint64_t dropped;      /* since the start */
	_Atomic uint64_t dropped_told; /* of them in the log itself */
};

const char *log_level_name(enum log_level level)
{
	static const char *const names[] = {[LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};
	assert(level <= LOG_ERROR);

	return names[level];
}

enum error logger_new(int fd, enum log_level level, struct logger **ret_logger)
{
	assert(level <= LOG_ERROR);
	assert(ret_logger != NULL);

	struct logger *logger = calloc(1, sizeof *logger);
	if (logger == NULL)
		return ERR_NO_MEMORY;
	logger->level = level;
	logger->current_level = level;
	log_limit_init(&logger->limit);
	enum error error = log_queue_new(fd, &logger->queue);
	if (error != OK) {
		log_limit_release(&logger->limit);
		free(logger);
		return error;
	}
	*ret_logger = logger;
	return OK;
}

void logger_free(struct logger *logger)
{
	if (logger == NULL)
		return;
	logger_tell_left_out(logger, true);
	log_queue_free(logger->queue);
	log_limit_release(&logger->limit);
	free(logger);
}

void logger_flush_on_abort(struct logger *logger)
{
	assert(logger != NULL);

	log_queue_flush_on_abort(logger->queue);
}

uint64_t logger_dropped(const struct logger *logger)
{
	assert(logger != NULL);

	return atomic_load_explicit(&logger->dropped, memory_order_relaxed) + log_queue_lost(logger->queue);
}

void logger_write_text(struct logger *logger, bool is_in_colour)
{
	assert(logger != NULL);

	logger->format = LOG_TEXT;
	logger->is_in_colour = is_in_colour;
}

enum log_level logger_level(const struct logger *logger)
{
	assert(logger != NULL);

	return atomic_load_explicit(&logger->current_level, memory_order_relaxed);
}

enum log_level logger_toggle_debug(struct logger *logger)
{
	assert(logger != NULL);

	logger->current_level = logger->current_level == LOG_DEBUG ? logger->level : LOG_DEBUG;
	return logger->current_level;
}

static bool put_line(struct logger *logger, enum log_level level, const char *message, const struct log_field *fields, uint32_t count)
{
	const struct log_line line = {.level = level,
	                              .level_name = log_level_name(level),
	                              .time_ms = wall_now_ms(),
	                              .message = message,
	                              .fields = fields,
	                              .count = count};
	char text[LOG_LINE_MAX + 1];
	size_t length = logger->format == LOG_TEXT ? log_line_as_text(&line, logger->is_in_colour, text) : log_line_as_json(&line, text);
	assert(length <= LOG_LINE_MAX);
	return log_queue_push(logger->queue, (struct slice){.data = text, .length = length}, level >= LOG_WARN);
}

/* While the file refuses lines the news of it would be refused too, and be counted as a line that was dropped. */
static void tell_dropped(struct logger *logger)
{
	if (log_queue_is_refused(logger->queue))
		return;
	uint64_t dropped = logger_dropped(logger);
	uint64_t told = atomic_load(&logger->dropped_told);
	if (dropped <= told || !atomic_compare_exchange_strong(&logger->dropped_told, &told, dropped))
		return; /* another thread does it */
	struct log_field field = log_uint("dropped", dropped - told);
	if (!put_line(logger, LOG_WARN, "log lines were dropped", &field, 1))
		atomic_fetch_sub(&logger->dropped_told, dropped - told);
}

void logger_tell_left_out(struct logger *logger, bool all)
{
	assert(logger != NULL);
	uint32_t left_out = 0;
	const char *of = NULL;
	uint64_t now_ms = all ? UINT64_MAX : monotonic_now_ms();
	while ((of = log_limit_take(&logger->limit, now_ms, &left_out)) != NULL) {
		const struct log_field fields[] = {log_string("of", of), log_uint("left_out", left_out)};
		log_write_each(logger, LOG_WARN, "log lines were left out", fields, ARRAY_LENGTH(fields));
	}
}

void log_write(struct logger *logger, enum log_level level, const char *message, const struct log_field *fields, uint32_t count)
{
	if (log_limit_allows(&logger->limit, message, monotonic_now_ms()))
		log_write_each(logger, level, message, fields, count);
}

void log_write_each(struct logger *logger, enum log_level level, const char *message, const struct log_field *fields, uint32_t count)
{
	assert(logger != NULL && message != NULL);
	assert(fields != NULL || count == 0);

	if (!put_line(logger, level, message, fields, count))
		atomic_fetch_add_explicit(&logger->dropped, 1, memory_order_relaxed);
	else if (logger_dropped(logger) != atomic_load_explicit(&logger->dropped_told, memory_order_relaxed))
		tell_dropped(logger);
}
