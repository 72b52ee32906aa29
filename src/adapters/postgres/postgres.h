/* postgres.h: the store, reader, outbox and catalog ports on a server that speaks PostgreSQL's protocol: PostgreSQL or CockroachDB.
 *
 * Opening only reads the DSN. Each that is opened has one session of its own, which it makes when it is first used and again, with pauses,
 * when it is lost; meanwhile, and while the database has not the schema of this program, everything answers that the store is down. The
 * reader's ping says why. Any number of processes and threads may work on one database.
 *
 * dsn: a connection string or URI as libpq reads it; borrowed until the function returns. Every function that fails says why in `message`,
 * in one line for people, untouched on success; a password is never in it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "ports/audit.h"
#include "ports/catalog.h"
#include "ports/outbox.h"
#include "ports/privacy.h"
#include "ports/reader.h"
#include "ports/seat_feed.h"
#include "ports/store.h"

#define POSTGRES_MESSAGE_MAX 512

/* Applies the migrations that the database lacks, all or none; of several that start at once one works and the others wait. `applied`,
 * which may be NULL, is told the name of each once they are committed. ERR_CORRUPT: a migration that was applied is not the one that this
 * program has, or this program does not have it. ERR_SYSTEM: the database cannot be reached or written; ERR_NO_MEMORY. */
must_check enum error postgres_migrate(const char *dsn, void (*applied)(void *context, const char *name), void *context,
                                       char message[static POSTGRES_MESSAGE_MAX]);

/* ERR_SYSTEM: the DSN is malformed; ERR_NO_MEMORY. A store that is not `for_replay` is down while a replay was begun and not ended. */
must_check enum error postgres_store_open(const char *dsn, bool for_replay, struct store **ret_store,
                                          char message[static POSTGRES_MESSAGE_MAX]);
must_check enum error postgres_reader_open(const char *dsn, struct reader **ret_reader, char message[static POSTGRES_MESSAGE_MAX]);
must_check enum error postgres_outbox_open(const char *dsn, struct outbox **ret_outbox, char message[static POSTGRES_MESSAGE_MAX]);
/* Down on CockroachDB, which does not number its transactions. */
must_check enum error postgres_seat_feed_open(const char *dsn, struct seat_feed **ret_feed, char message[static POSTGRES_MESSAGE_MAX]);
must_check enum error postgres_privacy_open(const char *dsn, struct privacy **ret_privacy, char message[static POSTGRES_MESSAGE_MAX]);
must_check enum error postgres_audit_open(const char *dsn, struct audit **ret_audit, char message[static POSTGRES_MESSAGE_MAX]);
must_check enum error postgres_catalog_open(const char *dsn, struct catalog **ret_catalog, char message[static POSTGRES_MESSAGE_MAX]);

/* The parts of a DSN's address that may be shown; empty texts and 0: not in the DSN. */
struct postgres_place {
	char host[256]; /* the first, when there are several */
	char database[64];
	uint16_t port;
};
void postgres_place_of(const char *dsn, struct postgres_place *ret_place);

/* For those who only look: in sessions that cannot write. The reader's ping says whether a replay runs, or was begun and not ended. */
must_check enum error postgres_reader_open_to_look(const char *dsn, struct reader **ret_reader, char message[static POSTGRES_MESSAGE_MAX]);
must_check enum error postgres_catalog_open_to_look(const char *dsn, struct catalog **ret_catalog,
                                                    char message[static POSTGRES_MESSAGE_MAX]);
