/* migrations.h: the check of the migrations when a file is only looked at. Private to the SQLite adapter. */
#pragma once

#include <stdint.h>

#include "adapters/sqlite/database.h"
#include "base/attributes.h"
#include "base/error.h"

/* The oldest tables that the statements of this program can work on, by their last migration. */
#define SQLITE_OLDEST_SCHEMA 16

/* The one statement that migrations_check runs, for database_options. */
extern const char *const migrations_select[1];

/* Checks that this program can serve the file, and that the applied migrations are the program's first ones; `statement` is the number
 * of migrations_select in the database. ERR_CORRUPT, ERR_SYSTEM, with a message. */
must_check enum error migrations_check(struct database *database, uint32_t statement, char message[static SQLITE_MESSAGE_MAX]);

/* The last migration that this program has. */
int64_t migrations_known(void);
