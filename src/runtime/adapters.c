/* adapters.c: the store, readers, outbox and catalog on one SQLite file or on the shared database; the bus and admission beside them. */
#include "runtime/adapters.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adapters/local/admission.h"
#include "adapters/local/bus.h"
#include "adapters/mongodb/mongodb.h"
#include "adapters/postgres/postgres.h"
#include "adapters/rabbitmq/rabbitmq.h"
#include "adapters/redis/redis.h"
#include "adapters/sqlite/sqlite.h"
#include "adapters/system/system.h"
#include "runtime/process.h"

#define CALLERS_MAX 262144
#define KEYS_MAX 131072
#define ROLES_WITH_CATALOG (ROLE_API | ROLE_TOOL | ROLE_REPLAY | ROLE_LOOK)

/* A kind of database: the functions that open the ports on it. Each is given its address. */
struct database {
	enum error (*open_store)(const char *where, bool for_replay, struct store **ret_store, char message[static ADAPTERS_MESSAGE_MAX]);
	enum error (*open_reader)(const char *where, struct reader **ret_reader, char message[static ADAPTERS_MESSAGE_MAX]);
	enum error (*open_outbox)(const char *where, struct outbox **ret_outbox, char message[static ADAPTERS_MESSAGE_MAX]);
	enum error (*open_catalog)(const char *where, struct catalog **ret_catalog, char message[static ADAPTERS_MESSAGE_MAX]);
	enum error (*open_seat_feed)(const char *where, struct seat_feed **ret_feed, char message[static ADAPTERS_MESSAGE_MAX]);
	enum error (*open_audit)(const char *where, struct audit **ret_audit, char message[static ADAPTERS_MESSAGE_MAX]);
	enum error (*look_reader)(const char *where, struct reader **ret_reader, char message[static ADAPTERS_MESSAGE_MAX]);
	enum error (*look_catalog)(const char *where, struct catalog **ret_catalog, char message[static ADAPTERS_MESSAGE_MAX]);
	bool has_many_writers; /* COMMITS_IN_FLIGHT holds; else it is one */
	uint32_t readers;      /* lanes of an API */
};

static const struct database sqlite = {
	.open_store = sqlite_store_open,
	.open_reader = sqlite_reader_open,
	.open_outbox = sqlite_outbox_open,
	.open_catalog = sqlite_catalog_open,
	.open_seat_feed = sqlite_seat_feed_open,
	.open_audit = sqlite_audit_open,
	.look_reader = sqlite_reader_open_to_look,
	.look_catalog = sqlite_catalog_open_to_look,
	.has_many_writers = false,
	.readers = 2,
};

static const struct database postgres = {
	.open_store = postgres_store_open,
	.open_reader = postgres_reader_open,
	.open_outbox = postgres_outbox_open,
	.open_catalog = postgres_catalog_open,
	.open_seat_feed = postgres_seat_feed_open,
	.open_audit = postgres_audit_open,
	.look_reader = postgres_reader_open_to_look,
	.look_catalog = postgres_catalog_open_to_look,
	.has_many_writers = true,
	.readers = 3,
};

static_assert(ADAPTERS_MESSAGE_MAX == SQLITE_MESSAGE_MAX, "a message of SQLite's fits");
static_assert(ADAPTERS_MESSAGE_MAX == POSTGRES_MESSAGE_MAX, "a message of PostgreSQL's fits");
static_assert(ADAPTERS_MESSAGE_MAX == RABBITMQ_MESSAGE_MAX, "a message of RabbitMQ's fits");
static_assert(ADAPTERS_MESSAGE_MAX == REDIS_MESSAGE_MAX, "a message of Redis's fits");
static_assert(ADAPTERS_MESSAGE_MAX == MONGODB_MESSAGE_MAX, "a message of MongoDB's fits");

static bool write_path(const char *data_dir, char path[static ADAPTERS_PATH_MAX], char message[static ADAPTERS_MESSAGE_MAX])
{
	int length = snprintf(path, ADAPTERS_PATH_MAX, "%s/tro.db", data_dir);
	if (length < 0 || length >= ADAPTERS_PATH_MAX) {
		snprintf(message, ADAPTERS_MESSAGE_MAX, "DATA_DIR is longer than a path can be");
		return false;
	}
	return true;
}

static bool make_path(const char *data_dir, char path[static ADAPTERS_PATH_MAX], char message[static ADAPTERS_MESSAGE_MAX])
{
	return process_make_folder(data_dir, message, ADAPTERS_MESSAGE_MAX) && write_path(data_dir, path, message);
}

/* The embedded store's, as the roles need it: made and up to date, or as it is. */
static bool prepare_file(const struct config *config, uint32_t roles, char path[static ADAPTERS_PATH_MAX],
                         char message[static ADAPTERS_MESSAGE_MAX])
{
	if ((roles & ROLE_LOOK) != 0)
		return write_path(config->systems.data_dir, path, message) && sqlite_look(path, message) == OK;
	const struct sqlite_migration migration = {.keeps_backup = true};
	return make_path(config->systems.data_dir, path, message) && sqlite_migrate(path, &migration, message) == OK;
}

/* In MongoDB when there is one, else beside the store. */
static enum error open_catalog(const struct database *database, const char *where, bool looks, struct adapters *adapters,
                               struct catalog **ret_catalog, char message[static ADAPTERS_MESSAGE_MAX])
{
	if (adapters->mongodb != NULL)
		return mongodb_catalog_new(adapters->mongodb, looks, ret_catalog);
	return (looks ? database->look_catalog : database->open_catalog)(where, ret_catalog, message);
}

/* For a command on the store. */
static enum error open_tool(const struct database *database, const char *where, bool for_replay, struct adapters *adapters,
                            char message[static ADAPTERS_MESSAGE_MAX])
{
	adapters->store_count = 1;
	adapters->reader_count = 1;
	enum error error = database->open_store(where, for_replay, &adapters->stores[0], message);
	if (error == OK)
		error = database->open_reader(where, &adapters->readers[0], message);
	if (error == OK)
		error = database->open_reader(where, &adapters->catalog_reader, message);
	return error != OK ? error : open_catalog(database, where, false, adapters, &adapters->catalog, message);
}

static enum error open_look(const struct database *database, const char *where, struct adapters *adapters,
                            char message[static ADAPTERS_MESSAGE_MAX])
{
	adapters->reader_count = 1;
	enum error error = database->look_reader(where, &adapters->readers[0], message);
	return error != OK ? error : open_catalog(database, where, true, adapters, &adapters->catalog, message);
}

static enum error open_api(const struct database *database, const char *where, struct adapters *adapters,
                           char message[static ADAPTERS_MESSAGE_MAX])
{
	enum error error = database->open_reader(where, &adapters->catalog_reader, message);
	if (error == OK)
		error = open_catalog(database, where, false, adapters, &adapters->catalog, message);
	if (error == OK)
		error = open_catalog(database, where, false, adapters, &adapters->monitor_catalog, message);
	if (error == OK)
		error = database->open_seat_feed(where, &adapters->seat_feed, message);
	if (error == OK)
		error = database->open_audit(where, &adapters->audit, message);
	if (error == OK)
		error = database->open_store(where, false, &adapters->seating_store, message);
	for (uint32_t i = 0; error == OK && i < database->readers; i++)
		error = database->open_reader(where, &adapters->readers[adapters->reader_count++], message);
	return error;
}

/* Opens the stores of the one commit lane, which serves clients' commands and the expiry worker's. Waiting commands become a larger
 * batch, so more lanes are slower. */
static enum error open_stores(const struct config *config, const struct database *database, const char *where, struct adapters *adapters,
                              char message[static ADAPTERS_MESSAGE_MAX])
{
	enum error error = OK;
	uint32_t count = database->has_many_writers ? config->systems.commits_in_flight : 1;
	assert(count <= ADAPTERS_STORES_MAX);
	for (uint32_t i = 0; error == OK && i < count; i++)
		error = database->open_store(where, false, &adapters->stores[adapters->store_count++], message);
	return error;
}

static struct tls_client_files tls_of(const struct config_tls *files)
{
	return (struct tls_client_files){.authorities = files->authorities, .certificate = files->certificate, .key = files->key};
}

static enum error open_publishing(const struct config *config, const struct database *database, const char *where,
                                  struct adapters *adapters, char message[static ADAPTERS_MESSAGE_MAX])
{
	enum error error = database->open_outbox(where, &adapters->outbox, message);
	if (error != OK)
		return error;
	adapters->is_bus_remote = config->systems.rabbit_url != NULL;
	const struct tls_client_files tls = tls_of(&config->systems.rabbit_tls);
	return adapters->is_bus_remote
	               ? rabbitmq_bus_open(config->systems.rabbit_url, &tls, config->systems.rabbit_batch, &adapters->bus, message)
	               : local_bus_new(&adapters->bus);
}

static enum error open_admission(const struct config *config, struct adapters *adapters, char message[static ADAPTERS_MESSAGE_MAX])
{
	const struct local_admission_options options = {
		.user_quota = config->limits.user.limit,
		.user_window_ms = config->limits.user.window_s * 1000,
		.service_quota = config->limits.service.limit,
		.service_window_ms = config->limits.service.window_s * 1000,
		.address_quota = config->limits.address.limit,
		.address_window_ms = config->limits.address.window_s * 1000,
		.callers_max = CALLERS_MAX,
		.keys_max = KEYS_MAX,
		.seed = {.k0 = random_u64(adapters->random), .k1 = random_u64(adapters->random)},
	};
	struct admission *local;
	enum error error = local_admission_new(&options, &local);
	if (error != OK || config->systems.redis == NULL) {
		adapters->admission = error == OK ? local : NULL;
		return error;
	}
	const struct redis_admission_options redis = {
		.address = config->systems.redis,
		.tls = tls_of(&config->systems.redis_tls),
		.user_quota = options.user_quota,
		.user_window_ms = options.user_window_ms,
		.address_quota = options.address_quota,
		.address_window_ms = options.address_window_ms,
		.local = local,
		.random = adapters->random,
	};
	error = redis_admission_new(&redis, &adapters->admission, message);
	if (error != OK)
		admission_free(local);
	return error;
}

static enum error open_all(const struct config *config, const struct database *database, const char *where, uint32_t roles,
                           struct adapters *adapters, char message[static ADAPTERS_MESSAGE_MAX])
{
	if (config->systems.mongo_uri != NULL && (roles & ROLES_WITH_CATALOG) != 0 &&
	    mongodb_pool_new(config->systems.mongo_uri, &adapters->mongodb, message) != OK)
		return ERR_VALIDATION;
	if ((roles & ROLE_LOOK) != 0)
		return open_look(database, where, adapters, message);
	if ((roles & (ROLE_TOOL | ROLE_REPLAY)) != 0)
		return open_tool(database, where, (roles & ROLE_REPLAY) != 0, adapters, message);
	enum error error = database->open_reader(where, &adapters->monitor_reader, message);
	if (error == OK && (roles & (ROLE_API | ROLE_EXPIRY)) != 0)
		error = open_stores(config, database, where, adapters, message);
	if (error == OK && (roles & ROLE_API) != 0)
		error = open_api(database, where, adapters, message);
	if (error == OK && (roles & ROLE_API) != 0)
		error = open_admission(config, adapters, message);
	if (error == OK && (roles & ROLE_EXPIRY) != 0)
		error = database->open_reader(where, &adapters->expirer_reader, message);
	if (error == OK && (roles & ROLE_PUBLISHER) != 0)
		error = open_publishing(config, database, where, adapters, message);
	return error;
}

bool adapters_migrate(const struct config *config, const struct migration_options *options, char message[static ADAPTERS_MESSAGE_MAX])
{
	static const struct migration_options usual = {0};
	char path[ADAPTERS_PATH_MAX];
	const char *dsn = config->systems.crdb_dsn;
	if (options == NULL)
		options = &usual;
	if (dsn != NULL)
		return postgres_migrate(dsn, options->applied, options->context, message) == OK;
	const struct sqlite_migration migration = {
		.keeps_backup = !options->without_backup, .kept = options->kept, .applied = options->applied, .context = options->context};
	return make_path(config->systems.data_dir, path, message) && sqlite_migrate(path, &migration, message) == OK;
}

/* Whether a command finds the embedded store it is to work on; it makes none beside the one that was meant. */
static bool has_store(const struct config *config, uint32_t roles, char message[static ADAPTERS_MESSAGE_MAX])
{
	if ((roles & (ROLE_TOOL | ROLE_REPLAY)) == 0 || config->systems.crdb_dsn != NULL)
		return true;
	char path[ADAPTERS_PATH_MAX], folder[ADAPTERS_PATH_MAX];
	const char *data_dir = config->systems.data_dir;
	int length = snprintf(path, sizeof path, "%s/tro.db", data_dir);
	if (length > 0 && (size_t)length < sizeof path && access(path, F_OK) == 0)
		return true;
	bool is_relative = data_dir[0] != '/' && getcwd(folder, sizeof folder) != NULL;
	snprintf(message, ADAPTERS_MESSAGE_MAX,
	         "there is no store at %.200s%s%.150s/tro.db: set DATA_DIR to that of the running server; 'tro serve' and 'tro migrate' "
	         "make one",
	         is_relative ? folder : "", is_relative ? "/" : "", data_dir);
	return false;
}

bool adapters_open(const struct config *config, uint32_t roles, struct adapters *ret_adapters, char message[static ADAPTERS_MESSAGE_MAX])
{
	assert(config != NULL && roles != 0 && ret_adapters != NULL);
	char path[ADAPTERS_PATH_MAX];
	struct adapters adapters = {.clock = system_clock(), .random = system_random()};
	const char *dsn = config->systems.crdb_dsn;
	adapters.is_store_shared = dsn != NULL;
	if (!has_store(config, roles, message) || (dsn == NULL && !prepare_file(config, roles, path, message)))
		return false;
	snprintf(message, ADAPTERS_MESSAGE_MAX, "out of memory");
	enum error error = dsn == NULL ? open_all(config, &sqlite, path, roles, &adapters, message)
	                               : open_all(config, &postgres, dsn, roles, &adapters, message);
	if (error != OK) {
		adapters_close(&adapters);
		return false;
	}
	*ret_adapters = adapters;
	return true;
}

/* The path of the embedded store, up to date; nothing for a shared one. */
static bool prepare_tool(const struct config *config, char path[static ADAPTERS_PATH_MAX], char message[static ADAPTERS_MESSAGE_MAX])
{
	if (!has_store(config, ROLE_TOOL, message) || (config->systems.crdb_dsn == NULL && !prepare_file(config, ROLE_TOOL, path, message)))
		return false;
	snprintf(message, ADAPTERS_MESSAGE_MAX, "out of memory");
	return true;
}

bool adapters_open_audit(const struct config *config, struct audit **ret_audit, char message[static ADAPTERS_MESSAGE_MAX])
{
	assert(config != NULL && ret_audit != NULL);
	char path[ADAPTERS_PATH_MAX];
	const char *dsn = config->systems.crdb_dsn;
	return prepare_tool(config, path, message) &&
	       (dsn == NULL ? sqlite_audit_open(path, ret_audit, message) : postgres_audit_open(dsn, ret_audit, message)) == OK;
}

bool adapters_open_privacy(const struct config *config, struct privacy **ret_privacy, char message[static ADAPTERS_MESSAGE_MAX])
{
	assert(config != NULL && ret_privacy != NULL);
	char path[ADAPTERS_PATH_MAX];
	const char *dsn = config->systems.crdb_dsn;
	return prepare_tool(config, path, message) &&
	       (dsn == NULL ? sqlite_privacy_open(path, ret_privacy, message) : postgres_privacy_open(dsn, ret_privacy, message)) == OK;
}

bool adapters_store_path(const struct config *config, char path[static ADAPTERS_PATH_MAX], char message[static ADAPTERS_MESSAGE_MAX])
{
	if (config->systems.crdb_dsn == NULL)
		return write_path(config->systems.data_dir, path, message);
	snprintf(message, ADAPTERS_MESSAGE_MAX,
	         "CRDB_DSN is set: backups of a shared database are made by its own tools, 'tro verify' checks them");
	return false;
}

bool adapters_look_at(const char *path, bool has_catalog, struct adapters *ret_adapters, char message[static ADAPTERS_MESSAGE_MAX])
{
	assert(path != NULL && ret_adapters != NULL);
	struct adapters adapters = {.clock = system_clock(), .random = system_random(), .reader_count = 1};
	if (sqlite_look(path, message) != OK)
		return false;
	snprintf(message, ADAPTERS_MESSAGE_MAX, "out of memory");
	enum error error = sqlite_reader_open_to_look(path, &adapters.readers[0], message);
	if (error == OK && has_catalog)
		error = sqlite_catalog_open_to_look(path, &adapters.catalog, message);
	if (error != OK) {
		adapters_close(&adapters);
		return false;
	}
	*ret_adapters = adapters;
	return true;
}

void adapters_close(struct adapters *adapters)
{
	for (uint32_t i = 0; i < ADAPTERS_READERS_MAX; i++)
		reader_free(adapters->readers[i]);
	reader_free(adapters->catalog_reader);
	seat_feed_free(adapters->seat_feed);
	reader_free(adapters->monitor_reader);
	reader_free(adapters->expirer_reader);
	catalog_free(adapters->catalog);
	catalog_free(adapters->monitor_catalog);
	mongodb_pool_free(adapters->mongodb);
	outbox_free(adapters->outbox);
	bus_free(adapters->bus);
	admission_free(adapters->admission);
	audit_free(adapters->audit);
	/* Last: the last to close a SQLite file tidies it up, and the store may write. */
	store_free(adapters->seating_store);
	for (uint32_t i = 0; i < ADAPTERS_STORES_MAX; i++)
		store_free(adapters->stores[i]);
	*adapters = (struct adapters){0};
}

const char *adapters_explain(const struct adapters *adapters, enum error error, char message[static ADAPTERS_MESSAGE_MAX])
{
	struct ping ping = {0};
	struct reader *reader = adapters->readers[0];
	const char *reason = "";
	if (error == ERR_STORE_UNAVAILABLE && reader->operations->ping(reader, &ping) != STORE_OK)
		reason = ping.problem;
	else if (error == ERR_CATALOG_UNAVAILABLE && adapters->catalog != NULL)
		reason = adapters->catalog->problem;
	snprintf(message, ADAPTERS_MESSAGE_MAX, "%s%s%s", error_title(error), reason[0] == '\0' ? "" : ": ", reason);
	return message;
}

void adapters_bus_status(const struct adapters *adapters, struct bus_status *ret_status)
{
	*ret_status = (struct bus_status){0};
	if (!adapters->is_bus_remote)
		return;
	struct rabbitmq_bus_status rabbitmq;
	rabbitmq_bus_status(adapters->bus, &rabbitmq);
	ret_status->unroutable = rabbitmq.unroutable;
	ret_status->unroutable_id = rabbitmq.unroutable_id;
	ret_status->unroutable_type = rabbitmq.unroutable_type;
	(void)snprintf(ret_status->problem, sizeof ret_status->problem, "%.*s", BUS_PROBLEM_MAX - 1, rabbitmq.problem);
}

/* Its journal is in memory, so that nothing asks for the file by its name again. */
static void remove_names(const struct scratch *scratch)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
	char path[sizeof scratch->path + 16];
	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
		snprintf(path, sizeof path, "%s%s", scratch->path, suffixes[i]);
		remove(path);
	}
}

bool scratch_open(const char *directory, struct scratch *ret_scratch, char message[static ADAPTERS_MESSAGE_MAX])
{
	struct scratch scratch = {0};
	int length = snprintf(scratch.path, sizeof scratch.path, "%s/scratch.db", directory);
	if (length < 0 || (size_t)length >= sizeof scratch.path) {
		snprintf(message, ADAPTERS_MESSAGE_MAX, "%s is longer than a path can be", directory);
		return false;
	}
	enum error error = sqlite_migrate(scratch.path, NULL, message);
	if (error == OK)
		error = sqlite_scratch_open(scratch.path, &scratch.store, message);
	if (error == OK)
		error = sqlite_scratch_reader_open(scratch.path, &scratch.reader, message);
	remove_names(&scratch);
	if (error != OK) {
		scratch_close(&scratch);
		return false;
	}
	*ret_scratch = scratch;
	return true;
}

void scratch_close(struct scratch *scratch)
{
	reader_free(scratch->reader);
	store_free(scratch->store);
}
