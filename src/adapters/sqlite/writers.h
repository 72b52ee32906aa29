/* writers.h: stores of one process that write the same file take turns, and share the thread that makes checkpoints.
 *
 * SQLite lets one connection write at a time, too, but one that waits for it looks again and again, and may come late once more. Here
 * stores stand in a queue and are woken. SQLite's lock is between them and connections of other processes, and those of this one that are
 * no stores.
 *
 * Private to the SQLite adapter. */
#pragma once

#include <stdint.h>

#include "adapters/sqlite/checkpointer.h"
#include "base/attributes.h"
#include "base/error.h"

struct writers;

/* Joins those of the same file, or is the first. Safe from any thread. ERR_SYSTEM with a message, ERR_NO_MEMORY. */
must_check enum error writers_join(const char *path, struct writers **ret_writers, char message[static SQLITE_MESSAGE_MAX]);
/* The last one ends the thread. Takes NULL. */
void writers_leave(struct writers *writers);

/* Waits until those who came before have written. SQLITE_OK, or SQLITE_BUSY after two seconds. */
must_check int writers_take_turn(struct writers *writers);
/* The next one's turn. */
void writers_end_turn(struct writers *writers);

/* How many wait for their turn. */
uint32_t writers_waiting(struct writers *writers);

struct checkpointer *writers_checkpointer(struct writers *writers);
