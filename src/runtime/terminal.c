/* terminal.c: complaints. */
#include "runtime/terminal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stddef.h>

int complain(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	return EXIT_FAILED;
}

int complain_usage(const char *command, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, format, arguments);
	fprintf(stderr, "; see '%s%s%s --help'\n", program_invocation_short_name, command == NULL ? "" : " ", command == NULL ? "" : command);
	va_end(arguments);
	return EXIT_WRONG_USAGE;
}
