/* import_progress.c: the line is written over itself. */
#include "runtime/import_progress.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/now.h"

#define TERMINAL_PAUSE_NS UINT64_C(100000000)
#define LINE_PAUSE_NS UINT64_C(2000000000)

static uint64_t pause_of(const struct import_progress *progress)
{
	return progress->is_terminal ? TERMINAL_PAUSE_NS : LINE_PAUSE_NS;
}

void import_progress_init(struct import_progress *progress)
{
	assert(progress != NULL);
	*progress = (struct import_progress){.is_terminal = isatty(STDERR_FILENO) == 1};
	progress->next_ns = monotonic_now_ns() + pause_of(progress);
}

bool import_progress_is_due(const struct import_progress *progress)
{
	return monotonic_now_ns() >= progress->next_ns;
}

void import_progress_show(struct import_progress *progress, const char *format, ...)
{
	assert(progress != NULL && format != NULL);
	va_list arguments;
	va_start(arguments, format);
	if (progress->is_terminal)
		fputs("\r\033[K", stderr);
	vfprintf(stderr, format, arguments);
	if (!progress->is_terminal)
		fputc('\n', stderr);
	fflush(stderr);
	va_end(arguments);
	progress->is_shown = progress->is_terminal;
	progress->next_ns = monotonic_now_ns() + pause_of(progress);
}

void import_progress_clear(struct import_progress *progress)
{
	assert(progress != NULL);
	if (progress->is_shown)
		fputs("\r\033[K", stderr);
	fflush(stderr);
	progress->is_shown = false;
}
