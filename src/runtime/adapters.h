/* adapters.h: which adapter serves which port: chosen from the configuration, opened, and closed again. Only it and the commands that need one by its name know them. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "config/config.h"
#include "ports/admission.h"
#include "ports/bus.h"
#include "ports/catalog.h"
#include "ports/clock.h"
#include "ports/outbox.h"
#include "ports/random.h"
#include "ports/reader.h"
#include "ports/seat_feed.h"
#include "ports/store.h"

#define ADAPTERS_STORES_MAX 8
#define ADAPTERS_READERS_MAX 4
#define ADAPTERS_MESSAGE_MAX 512
#define ADAPTERS_PATH_MAX 4096

/* What a process does. */
enum role {
	ROLE_API = 1,
	ROLE_EXPIRY = 2,
	ROLE_PUBLISHER = 4,
	ROLE_TOOL = 8,    /* a command that works on the store and ends */
	ROLE_REPLAY = 16, /* the one that may open a store whose replay was interrupted */
	ROLE_LOOK = 32,   /* a command that only reads: nothing is written, made or migrated, and there is no store */
};

/* One for each user, because a store, reader, catalog or outbox is used by one thread. NULL: the roles do not need it. */
struct adapters {
	struct clock *clock;
	struct random *random;
	struct store *stores[ADAPTERS_STORES_MAX]; /* of the commit lane: one for each batch in flight */
	uint32_t store_count;
	struct reader *readers[ADAPTERS_READERS_MAX]; /* one for each read lane */
	uint32_t reader_count;
	struct reader *catalog_reader;
	struct seat_feed *seat_feed;
	struct catalog *catalog;
	struct reader *monitor_reader;
	struct catalog *monitor_catalog;
	struct mongodb_pool *mongodb; /* NULL: the catalog is in the store */
	struct reader *expirer_reader;
	struct outbox *outbox;
	struct bus *bus;
	bool is_bus_remote;
	bool is_store_shared; /* with other processes, and a clock of its own */
	struct admission *admission;
};

/* How the schema of the store is brought up to date; functions may be NULL. */
struct migration_options {
	bool without_backup;                              /* no copy of an embedded store is kept beside it */
	void (*kept)(void *context, const char *path);    /* told the name of the copy … */
	void (*applied)(void *context, const char *name); /* … and of each migration that was applied */
	void *context;
};

/* Brings the schema of the store up to date. options: NULL: as a server does. False: message says why, in one line for people. */
must_check bool adapters_migrate(const struct config *config, const struct migration_options *options,
                                 char message[static ADAPTERS_MESSAGE_MAX]);
/* Opens what the roles need; the embedded store's schema is brought up to date, and a server makes the store where a command finds one or fails. What another machine serves need not be there yet.
 * False: message says why, in one line for people. */
must_check bool adapters_open(const struct config *config, uint32_t roles, struct adapters *ret_adapters,
                              char message[static ADAPTERS_MESSAGE_MAX]);
void adapters_close(struct adapters *adapters);

/* Where the embedded store is, which may not be there yet. False, with a message: the path is too long, or the store is a shared database. */
must_check bool adapters_store_path(const struct config *config, char path[static ADAPTERS_PATH_MAX],
                                    char message[static ADAPTERS_MESSAGE_MAX]);
/* Opens any file of the embedded store to look. has_catalog: what people browse is in it, and is looked at too. False: message says why. */
must_check bool adapters_look_at(const char *path, bool has_catalog, struct adapters *ret_adapters,
                                 char message[static ADAPTERS_MESSAGE_MAX]);

/* What a tool says of an error, in one line for people: of a store or catalog that cannot be reached also why. Lives in the message. */
const char *adapters_explain(const struct adapters *adapters, enum error error, char message[static ADAPTERS_MESSAGE_MAX]);

/* Safe from any thread. */
void adapters_bus_status(const struct adapters *adapters, struct bus_status *ret_status);

/* An empty embedded store that lives as long as a command. */
struct scratch {
	char path[4096];
	struct store *store;
	struct reader *reader;
};

/* directory: empty, and the caller's. False: message says why. */
must_check bool scratch_open(const char *directory, struct scratch *ret_scratch, char message[static ADAPTERS_MESSAGE_MAX]);
/* Closes it and removes its files. */
void scratch_close(struct scratch *scratch);
