/* migration_files.h: the numbered SQL files that a program was built with, and whether the migrations of a database are the first of them.
 * For both SQL adapters. */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "base/embedded.h"
#include "base/error.h"

#define MIGRATION_MESSAGE_MAX 512

/* "001_core.sql" is number 1. */
int64_t migration_number(const struct embedded_file *file);
int64_t migration_checksum(const struct embedded_file *file);
/* The number of the last of the files, of which there is one at least. */
int64_t migration_latest(const struct embedded_file *files);
/* A file that takes something away that older programs use says in its first line which of them may still write: "-- floor: N", those that
 * have migration N. 0: the file only adds, and all may that could before. */
int64_t migration_floor(const struct embedded_file *file);

/* The schema that a store has. */
struct schema {
	int64_t version; /* its last migration */
	int64_t floor; /* the oldest program that may write, by the last migration that it has; 0: the store does not say, and none that is older may */
};

enum schema_fit {
	SCHEMA_FITS,
	SCHEMA_IS_OLDER, /* than what this program can serve */
	SCHEMA_IS_NEWER, /* and does not allow this program any more */
};

/* Whether a program that has these files, and needs the tables of `oldest` at least, can serve the store. */
enum schema_fit schema_judge(const struct embedded_file *files, int64_t oldest, const struct schema *schema);
/* Whether the migration that a database has in this place is `file`, or the row behind the last one: the program has no more. ERR_CORRUPT,
 * with a message. */
must_check enum error migration_check(const struct embedded_file *file, int64_t number, const char *name, int64_t checksum,
                                      char message[static MIGRATION_MESSAGE_MAX]);
