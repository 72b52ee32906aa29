/* adapters.c: the embedded adapters on one SQLite file, and the bus and admission of this process. */
#include "runtime/adapters.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "adapters/local/admission.h"
#include "adapters/local/bus.h"
#include "adapters/sqlite/sqlite.h"
#include "adapters/system/system.h"

#define PATH_MAX_BYTES 4096
#define CALLERS_MAX 262144
#define KEYS_MAX 131072

static_assert(ADAPTERS_MESSAGE_MAX >= SQLITE_MESSAGE_MAX, "a message of SQLite's fits");

/* What is set and cannot be served is refused, not ignored. */
bool adapters_check(const struct config *config, char message[static ADAPTERS_MESSAGE_MAX])
{
	const struct {
		const char *name;
		bool is_set;
	} systems[] = {
		{"CRDB_DSN", config->systems.crdb_dsn != NULL},
		{"MONGO_URI", config->systems.mongo_uri != NULL},
		{"REDIS_ADDR", config->systems.redis.host != NULL},
		{"RABBIT_URL", config->systems.rabbit_url != NULL},
		{"JWT_PUBLIC_KEY", config->auth.jwt_public_key != NULL},
		{"JWT_JWKS_URL", config->auth.jwt_jwks_url != NULL},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", config->systems.otlp_endpoint != NULL},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(systems); i++) {
		if (!systems[i].is_set)
			continue;
		snprintf(message, ADAPTERS_MESSAGE_MAX,
		         "%s is set, but this version has no adapter for it yet: unset it to run on the embedded default", systems[i].name);
		return false;
	}
	return true;
}

static bool make_path(const char *data_dir, char path[static PATH_MAX_BYTES], char message[static ADAPTERS_MESSAGE_MAX])
{
	if (mkdir(data_dir, 0700) != 0 && errno != EEXIST) {
		snprintf(message, ADAPTERS_MESSAGE_MAX, "DATA_DIR %s cannot be made: %s", data_dir, strerror(errno));
		return false;
	}
	int length = snprintf(path, PATH_MAX_BYTES, "%s/tro.db", data_dir);
	if (length < 0 || length >= PATH_MAX_BYTES) {
		snprintf(message, ADAPTERS_MESSAGE_MAX, "DATA_DIR is longer than a path can be");
		return false;
	}
	return true;
}

static enum error open_store(const char *path, uint32_t roles, struct adapters *adapters, char message[static ADAPTERS_MESSAGE_MAX])
{
	adapters->store_count = 1; /* one writes to a SQLite file */
	adapters->reader_count = 1;
	enum error error = sqlite_store_open(path, (roles & ROLE_REPLAY) != 0, &adapters->stores[0], message);
	if (error == OK)
		error = sqlite_reader_open(path, &adapters->readers[0], message);
	if (error == OK)
		error = sqlite_reader_open(path, &adapters->catalog_reader, message);
	if (error == OK)
		error = sqlite_catalog_open(path, &adapters->catalog, message);
	return error;
}

static enum error open_watch(const char *path, struct adapters *adapters, char message[static ADAPTERS_MESSAGE_MAX])
{
	enum error error = sqlite_reader_open(path, &adapters->monitor_reader, message);
	return error != OK ? error : sqlite_catalog_open(path, &adapters->monitor_catalog, message);
}

static enum error open_publishing(const char *path, struct adapters *adapters, char message[static ADAPTERS_MESSAGE_MAX])
{
	enum error error = sqlite_outbox_open(path, &adapters->outbox, message);
	return error != OK ? error : local_bus_new(&adapters->bus);
}

static enum error open_admission(const struct config *config, struct adapters *adapters)
{
	const struct local_admission_options options = {
		.user_quota = config->limits.user.limit,
		.user_window_ms = config->limits.user.window_s * 1000,
		.address_quota = config->limits.address.limit,
		.address_window_ms = config->limits.address.window_s * 1000,
		.callers_max = CALLERS_MAX,
		.keys_max = KEYS_MAX,
		.seed = {.k0 = random_u64(adapters->random), .k1 = random_u64(adapters->random)},
	};
	return local_admission_new(&options, &adapters->admission);
}

static enum error open_all(const struct config *config, const char *path, uint32_t roles, struct adapters *adapters,
                           char message[static ADAPTERS_MESSAGE_MAX])
{
	enum error error = sqlite_migrate(path, message);
	if (error == OK)
		error = open_store(path, roles, adapters, message);
	if (error == OK && (roles & (ROLE_TOOL | ROLE_REPLAY)) == 0)
		error = open_watch(path, adapters, message);
	if (error == OK && (roles & ROLE_API) != 0)
		error = open_admission(config, adapters);
	if (error == OK && (roles & ROLE_EXPIRY) != 0)
		error = sqlite_reader_open(path, &adapters->expirer_reader, message);
	if (error == OK && (roles & ROLE_PUBLISHER) != 0)
		error = open_publishing(path, adapters, message);
	return error;
}

bool adapters_open(const struct config *config, uint32_t roles, struct adapters *ret_adapters, char message[static ADAPTERS_MESSAGE_MAX])
{
	assert(config != NULL && roles != 0 && ret_adapters != NULL);
	char path[PATH_MAX_BYTES];
	struct adapters adapters = {.clock = system_clock(), .random = system_random()};
	if (!adapters_check(config, message) || !make_path(config->systems.data_dir, path, message))
		return false;
	snprintf(message, ADAPTERS_MESSAGE_MAX, "out of memory");
	if (open_all(config, path, roles, &adapters, message) != OK) {
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
	reader_free(adapters->monitor_reader);
	reader_free(adapters->expirer_reader);
	catalog_free(adapters->catalog);
	catalog_free(adapters->monitor_catalog);
	outbox_free(adapters->outbox);
	bus_free(adapters->bus);
	admission_free(adapters->admission);
	/* Last: whoever closes a SQLite file last tidies it up, and the store may write. */
	for (uint32_t i = 0; i < ADAPTERS_STORES_MAX; i++)
		store_free(adapters->stores[i]);
	*adapters = (struct adapters){0};
}

bool scratch_open(const char *directory, struct scratch *ret_scratch, char message[static ADAPTERS_MESSAGE_MAX])
{
	struct scratch scratch = {0};
	int length = snprintf(scratch.path, sizeof scratch.path, "%s/scratch.db", directory);
	if (length < 0 || (size_t)length >= sizeof scratch.path) {
		snprintf(message, ADAPTERS_MESSAGE_MAX, "%s is longer than a path can be", directory);
		return false;
	}
	enum error error = sqlite_migrate(scratch.path, message);
	if (error == OK)
		error = sqlite_store_open(scratch.path, false, &scratch.store, message);
	if (error == OK)
		error = sqlite_reader_open(scratch.path, &scratch.reader, message);
	if (error != OK) {
		scratch_close(&scratch);
		return false;
	}
	*ret_scratch = scratch;
	return true;
}

void scratch_close(struct scratch *scratch)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	char path[sizeof scratch->path + 8];
	reader_free(scratch->reader);
	store_free(scratch->store);
	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
		snprintf(path, sizeof path, "%s%s", scratch->path, suffixes[i]);
		remove(path);
	}
}
