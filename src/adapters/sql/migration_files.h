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
/* Whether the migration that a database has in this place is `file`, or the row behind the last one: the program has no more. ERR_CORRUPT, with
 * a message. */
must_check enum error migration_check(const struct embedded_file *file, int64_t number, const char *name, int64_t checksum,
                                      char message[static MIGRATION_MESSAGE_MAX]);
