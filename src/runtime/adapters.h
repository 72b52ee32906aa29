/* adapters.h: chooses an adapter for each port by the configuration, opens it, and closes it. Only it and the commands that need an
 * adapter by its name know the adapters. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "config/config.h"
#include "ports/admission.h"
#include "ports/audit.h"
#include "ports/bus.h"
#include "ports/catalog.h"
#include "ports/clock.h"
#include "ports/outbox.h"
#include "ports/privacy.h"
#include "ports/random.h"
#include "ports/reader.h"
#include "ports/seat_feed.h"
#include "ports/store.h"

#define ADAPTERS_STORES_MAX 8
#define ADAPTERS_READERS_MAX 4
#define ADAPTERS_MESSAGE_MAX 512
#define ADAPTERS_PATH_MAX 4096

/* The roles of a process. */
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
	struct store *seating_store;                  /* of an API, for large events */
	struct reader *readers[ADAPTERS_READERS_MAX]; /* one for each read lane (service_options.h) */
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
	struct audit *audit; /* of an API */
};

/* Options for bringing the store's schema up to date; functions may be NULL. */
struct migration_options {
	bool without_backup;                              /* no copy of an embedded store is kept beside it */
	void (*kept)(void *context, const char *path);    /* told the name of the copy … */
	void (*applied)(void *context, const char *name); /* … and of each migration that was applied */
	void *context;
};

/* Brings the schema of the store up to date. options: NULL: as a server does. False: message says why, in one line for people. */
must_check bool adapters_migrate(const struct config *config, const struct migration_options *options,
                                 char message[static ADAPTERS_MESSAGE_MAX]);
/* Opens the ports that the roles need. Brings the embedded store's schema up to date. A server makes a store that is missing; a command
 * fails without one. Systems on other machines need not be up yet. False: message says why, in one line for people. */
must_check bool adapters_open(const struct config *config, uint32_t roles, struct adapters *ret_adapters,
                              char message[static ADAPTERS_MESSAGE_MAX]);
void adapters_close(struct adapters *adapters);
/* The audit alone, for a command; as adapters_open with ROLE_TOOL. */
must_check bool adapters_open_audit(const struct config *config, struct audit **ret_audit, char message[static ADAPTERS_MESSAGE_MAX]);

/* The same for what the store has about users. */
must_check bool adapters_open_privacy(const struct config *config, struct privacy **ret_privacy, char message[static ADAPTERS_MESSAGE_MAX]);

/* Writes the path of the embedded store, which may not exist yet. False, with a message: the path is too long, or the store is a shared
 * database. */
must_check bool adapters_store_path(const struct config *config, char path[static ADAPTERS_PATH_MAX],
                                    char message[static ADAPTERS_MESSAGE_MAX]);
/* Opens any file of the embedded store for reading. has_catalog: the file has the catalog, too, and it is opened as well. False: message
 * says why. */
must_check bool adapters_look_at(const char *path, bool has_catalog, struct adapters *ret_adapters,
                                 char message[static ADAPTERS_MESSAGE_MAX]);

/* Explains an error in one line for people, and why a store or catalog cannot be reached. Lives in the message. */
const char *adapters_explain(const struct adapters *adapters, enum error error, char message[static ADAPTERS_MESSAGE_MAX]);

/* Safe from any thread. */
void adapters_bus_status(const struct adapters *adapters, struct bus_status *ret_status);

/* An empty embedded store that lives as long as a command, however that ends: its files have no name once it is open. */
struct scratch {
	char path[4096];
	struct store *store;
	struct reader *reader;
};

/* directory: empty, and the caller's; empty again afterwards. False: message says why. */
must_check bool scratch_open(const char *directory, struct scratch *ret_scratch, char message[static ADAPTERS_MESSAGE_MAX]);
void scratch_close(struct scratch *scratch);
