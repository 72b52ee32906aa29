/* checkpointer.h: moves what commits have written to the WAL into the file, on a thread of its own, so that commits do not wait for it.
 *
 * Private to the SQLite adapter. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "adapters/sqlite/sqlite.h"
#include "base/attributes.h"
#include "base/error.h"

struct checkpointer;

/* In pages of the WAL. burst < long < full. */
struct checkpointer_limits {
	uint32_t burst;   /* the thread copies when so many are not copied */
	uint32_t longer;  /* from so many on the writer copies a rest of less than a burst itself, so that the WAL begins anew */
	uint32_t full;    /* from so many on the writer waits until the thread has caught up, */
	uint32_t wait_ms; /* but no longer than this */
};

/* Limits: NULL: those of a server. ERR_SYSTEM with a message, ERR_NO_MEMORY. */
must_check enum error checkpointer_new(const char *path, const struct checkpointer_limits *limits, struct checkpointer **ret_checkpointer,
                                       char message[static SQLITE_MESSAGE_MAX]);
/* Ends the thread; a checkpoint under way is finished first. Takes NULL. */
void checkpointer_free(struct checkpointer *checkpointer);

/* A commit left so many pages in the WAL. Of several writers each says so while the others cannot write. Wakes the thread when it has
 * to. */
void checkpointer_note(struct checkpointer *checkpointer, uint32_t wal_pages);
/* The writer goes on when this returns. True: it shall copy the rest itself, now (a passive checkpoint). Waits only when the WAL is full. A
 * reader of an old moment, such as a backup, makes the WAL longer than that: no commit waits for a reader. One that is patient, since
 * nobody waits for it, also waits for the thread when that has come behind by two bursts, so that what is synced at once stays little. */
must_check bool checkpointer_settle(struct checkpointer *checkpointer, bool is_patient);
