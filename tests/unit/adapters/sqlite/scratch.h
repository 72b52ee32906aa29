/* scratch.h: a folder of its own for a database file, for the tests of the SQLite adapter. */
#pragma once

#include "adapters/sqlite/sqlite.h"

struct scratch {
	char directory[64];
	char path[80]; /* of the database; there is none yet */
};

void scratch_make(struct scratch *scratch);
/* Everything in it goes. */
void scratch_remove(struct scratch *scratch);

/* They must succeed. */
void scratch_migrate(struct scratch *scratch);
struct store *scratch_store(struct scratch *scratch);
struct reader *scratch_reader(struct scratch *scratch);
/* Runs SQL on a connection of its own. */
void scratch_execute(struct scratch *scratch, const char *sql);
