/* checkpointer.h: moves what commits have written to the WAL into the file, on a thread of its own, so that hardly a commit waits for it.
 *
 * Private to the SQLite adapter. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "adapters/sqlite/sqlite.h"
#include "base/attributes.h"
#include "base/error.h"

struct checkpointer;

/* ERR_SYSTEM with a message, ERR_NO_MEMORY. */
must_check enum error checkpointer_new(const char *path, struct checkpointer **ret_checkpointer, char message[static SQLITE_MESSAGE_MAX]);
/* Ends the thread; a checkpoint under way is finished first. Takes NULL. */
void checkpointer_free(struct checkpointer *checkpointer);

/* A commit left so many pages in the WAL. True: the writer shall copy the rest itself, now (a passive checkpoint). Never blocks for long. */
must_check bool checkpointer_notice(struct checkpointer *checkpointer, uint32_t wal_pages);
