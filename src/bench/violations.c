/* violations.c: formatted once; a text that cannot be kept is still counted. */
#include "bench/violations.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void violations_add(struct violations *violations, const char *format, ...)
{
	assert(violations != NULL && format != NULL);

	uint64_t number = violations->count++;
	if (number >= VIOLATIONS_KEPT_MAX)
		return;
	char text[VIOLATION_LENGTH_MAX + 1];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	violations->texts[number] = strdup(text);
}

void violations_release(struct violations *violations)
{
	if (violations == NULL)
		return;
	for (size_t i = 0; i < VIOLATIONS_KEPT_MAX; i++)
		free(violations->texts[i]);
	*violations = (struct violations){0};
}
