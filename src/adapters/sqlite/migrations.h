/* migrations.h: the check of the migrations when a file is only looked at. Private to the SQLite adapter. */
#pragma once

#include <stdint.h>

#include "adapters/sqlite/database.h"
#include "base/attributes.h"
#include "base/error.h"

/* The one statement that migrations_check runs, for database_options. */
extern const char *const migrations_select[1];

/* Whether the applied migrations are the first of the program's; `statement` is the number of migrations_select in the database.
 * *ret_lacks: the name of the first that was not applied; NULL: all were. ERR_CORRUPT, ERR_SYSTEM, with a message. */
must_check enum error migrations_check(struct database *database, uint32_t statement, const char **ret_lacks,
                                       char message[static SQLITE_MESSAGE_MAX]);
