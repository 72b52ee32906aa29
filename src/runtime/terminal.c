/* terminal.c: complaints. */
#include "runtime/terminal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/json_writer.h"
#include "base/now.h"

#define LINE_MAX_BYTES 4096

static bool is_log; /* set once, before anything can fail */

bool is_terminal_in_colour(int fd)
{
	const char *no_colour = getenv("NO_COLOR");
	return isatty(fd) && (no_colour == NULL || no_colour[0] == '\0');
}

void complain_as_log(void)
{
	is_log = true;
}

static void write_log_line(const char *level, const char *text)
{
	struct buffer line;
	buffer_init(&line, NULL, 2 * LINE_MAX_BYTES);
	struct json_writer writer = json_writer_on(&line);
	json_writer_object_begin(&writer, NULL);
	json_writer_time(&writer, "time", wall_now_ms());
	json_writer_string(&writer, "level", slice_of(level));
	json_writer_string(&writer, "message", slice_of(text));
	json_writer_object_end(&writer);
	buffer_append_byte(&line, '\n');
	fwrite(line.data, 1, line.length, stderr);
	buffer_release(&line);
}

static void say(const char *level, const char *format, va_list arguments)
{
	char text[LINE_MAX_BYTES];
	vsnprintf(text, sizeof text, format, arguments);
	if (is_log)
		write_log_line(level, text);
	else
		fprintf(stderr, "%s: %s\n", program_invocation_short_name, text);
}

int complain(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	say("error", format, arguments);
	va_end(arguments);
	return EXIT_FAILED;
}

void warn_of(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	say("warn", format, arguments);
	va_end(arguments);
}

int complain_usage(const char *command, const char *format, ...)
{
	char text[LINE_MAX_BYTES];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	(void)complain("%s; see '%s%s%s --help'", text, program_invocation_short_name, command == NULL ? "" : " ",
	               command == NULL ? "" : command);
	return EXIT_WRONG_USAGE;
}
