/* log.c: what a line says. */
#include "obs/log.h"

#include <assert.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/now.h"
#include "obs/log_limit.h"
#include "obs/log_queue.h"

#define MESSAGE_MAX 256 /* bytes; even when each is escaped the line has room for it */

static_assert(LOG_LINE_MAX <= PIPE_BUF, "a line is written whole");

struct logger {
	struct log_queue *queue;
	enum log_level level; /* that it was made for */
	_Atomic(enum log_level) current_level;
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

	return atomic_load_explicit(&logger->dropped, memory_order_relaxed);
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

static struct slice cut(struct slice text, size_t maximum)
{
	return (struct slice){.data = text.data, .length = text.length < maximum ? text.length : maximum};
}

static void write_field(struct json_writer *writer, const struct log_field *field)
{
	switch (field->kind) {
	case LOG_FIELD_STRING:
		json_writer_string(writer, field->name, cut(field->string, LOG_STRING_MAX));
		break;
	case LOG_FIELD_UINT:
		json_writer_uint(writer, field->name, field->uint_value);
		break;
	case LOG_FIELD_INT:
		json_writer_int(writer, field->name, field->int_value);
		break;
	case LOG_FIELD_DOUBLE:
		json_writer_double(writer, field->name, field->double_value);
		break;
	case LOG_FIELD_BOOL:
		json_writer_bool(writer, field->name, field->bool_value);
		break;
	case LOG_FIELD_UUID:
		json_writer_uuid(writer, field->name, field->uuid);
		break;
	}
}

/* Formats into `line`, LOG_LINE_MAX bytes and one more, and answers its length. */
static size_t format_line(char *line, enum log_level level, const char *message, const struct log_field *fields, uint32_t count)
{
	static const char cut_end[] = ",\"truncated\":true}\n";
	const size_t room = LOG_LINE_MAX - sizeof cut_end;
	struct buffer buffer = {.data = line, .capacity = room, .maximum = room};
	struct json_writer writer = json_writer_on(&buffer);
	json_writer_object_begin(&writer, NULL);
	json_writer_time(&writer, "time", wall_now_ms());
	json_writer_string(&writer, "level", slice_of(log_level_name(level)));
	json_writer_string(&writer, "message", cut(slice_of(message), MESSAGE_MAX));
	assert(!buffer.failed);

	bool is_cut = false;
	for (uint32_t i = 0; i < count; i++) {
		size_t length = buffer.length;
		write_field(&writer, &fields[i]);
		if (buffer.failed) { /* as if it had not been tried: the next one needs its comma in either case */
			buffer.failed = false;
			buffer.length = length;
			is_cut = true;
		}
	}
	const char *end = is_cut ? cut_end : "}\n";
	memcpy(line + buffer.length, end, strlen(end));
	return buffer.length + strlen(end);
}

static bool put_line(struct logger *logger, enum log_level level, const char *message, const struct log_field *fields, uint32_t count)
{
	char line[LOG_LINE_MAX + 1];
	size_t length = format_line(line, level, message, fields, count);
	return log_queue_push(logger->queue, (struct slice){.data = line, .length = length}, level >= LOG_WARN);
}

static void tell_dropped(struct logger *logger)
{
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
