/* import_source.h: a file that is read twice: first to judge it, then to import it. A source that can be read only once, such as a pipe,
 * is copied to a temporary file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"

struct import_source {
	const char *path; /* borrowed; "-": standard input */
	int file;
	int copy; /* of what can be read once; -1: none is needed */
	off_t start;
	int error; /* errno of the last read that failed */
};

/* False, with the complaint made: it cannot be opened. */
must_check bool import_source_open(const char *path, struct import_source *ret_source);
void import_source_close(struct import_source *source);
/* The next bytes: event_file_source.read. */
bool import_source_read(void *context, char *bytes, size_t size, size_t *ret_length);
/* Goes back to the first byte; bytes that were not read the first time are missing then. False: it cannot. */
must_check bool import_source_rewind(struct import_source *source);
/* The whole of a file in the arena; data is NULL, with the complaint made, when it cannot be read or is larger than size_max. */
must_check struct slice import_source_read_all(const char *path, size_t size_max, struct arena *arena);
