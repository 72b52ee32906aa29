/* log_line.h: writes a line as JSON for programs, or as text for people. Private to obs.
 *
 *   {"time":"2026-01-02T03:04:05.678Z","level":"info","message":"request","route":"/v1/holds","status":201}
 *   2026-01-02T03:04:05.678Z info  request  route=/v1/holds status=201
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log_level.h"
#include "obs/log_field.h"

struct log_line {
	enum log_level level;
	const char *level_name;
	uint64_t time_ms; /* of the wall clock */
	const char *message;
	const struct log_field *fields;
	uint32_t count;
};

/* Writes the line with its line feed, LOG_LINE_MAX bytes at most, and answers its length. text: has room for them. Fields that do not
 * fit are left out, and the line says so. */
size_t log_line_as_json(const struct log_line *line, char *text);
/* The same, with values quoted where they would be misread. Control characters are shown as escapes, so that no client controls a
 * reader's terminal. */
size_t log_line_as_text(const struct log_line *line, bool is_in_colour, char *text);
