/* terminal.h: the programs' messages to people, each one clear line, and the exit codes. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"

enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_WRONG_USAGE = 2,
};

/* Whether what is written there may be in colour: it is a terminal, and NO_COLOR is not set (no-color.org). */
bool is_terminal_in_colour(int fd);
/* From now on complaints are log lines: a service writes nothing else to stderr. Called once, at the start of its program. */
void complain_as_log(void);
/* "tro: …" and a line feed on stderr, or a log line. Answers EXIT_FAILED. */
int complain(const char *format, ...) format_printf(1, 2);
/* The same of something that does not stop the program. */
void warn_of(const char *format, ...) format_printf(1, 2);
/* The same for wrong usage, with where to find help. Answers EXIT_WRONG_USAGE. command: "event create"; NULL: the program itself. */
int complain_usage(const char *command, const char *format, ...) format_printf(2, 3);
