/* catalog.c: the catalog port, in a table of the same file. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/sqlite/database.h"
#include "adapters/sqlite/rows.h"
#include "base/list.h"

#define CACHE_KIB 256

enum {
	PUT,
	FIND,
	LIST,
	SEARCH,
	DROP,
	PING,
	STATEMENT_COUNT,
};

static const char *const statements[STATEMENT_COUNT] = {
	[PUT] = "INSERT INTO catalog (" CATALOG_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (event_id) DO UPDATE SET"
		" name = excluded.name, venue = excluded.venue, description = excluded.description, starts_at = excluded.starts_at,"
		" status = excluded.status, currency = excluded.currency, on_sale_from = excluded.on_sale_from,"
		" on_sale_until = excluded.on_sale_until, seat_count = excluded.seat_count, created_at = excluded.created_at,"
		" version = excluded.version WHERE excluded.version > version",
	[FIND] = "SELECT " CATALOG_COLUMNS " FROM catalog WHERE event_id = ?",
	[LIST] = "SELECT " CATALOG_COLUMNS " FROM catalog WHERE event_id > ? ORDER BY event_id LIMIT ?",
	/* lower() folds ASCII alone. An end of 0 is none, and so is a status; without words each name has them all. */
	[SEARCH] = "SELECT " CATALOG_COLUMNS " FROM catalog WHERE event_id > ?1 AND starts_at >= ?3 AND (?4 = 0 OR starts_at <= ?4)"
		   " AND (?5 = 0 OR status = ?5) AND (?6 = '' OR lower(venue) = ?6)"
		   " AND has_words(name, ?7) ORDER BY event_id LIMIT ?2",
	[DROP] = "DELETE FROM catalog WHERE event_id = ?",
	[PING] = "SELECT 1 FROM catalog LIMIT 1",
};

struct sqlite_catalog {
	struct catalog port;
	struct database database;
};

static struct database *database_of(struct catalog *port)
{
	assert(port != NULL);
	return &container_of(port, struct sqlite_catalog, port)->database;
}

static enum catalog_result result_of(int code)
{
	return database_result(code) == STORE_OK ? CATALOG_OK : CATALOG_DOWN;
}

static enum catalog_result sqlite_put(struct catalog *port, const struct catalog_entry *entry)
{
	assert(entry != NULL);
	struct database *database = database_of(port);
	sqlite3_stmt *put = database->statements[PUT];
	bind_uuid(put, 1, &entry->event_id);
	bind_text(put, 2, entry->details.name);
	bind_text(put, 3, entry->details.venue);
	bind_text(put, 4, entry->details.description);
	bind_uint(put, 5, entry->details.starts_at_ms);
	bind_int(put, 6, entry->status);
	bind_text(put, 7, slice_of(entry->currency.code));
	bind_uint(put, 8, entry->on_sale_from_ms);
	bind_uint(put, 9, entry->on_sale_until_ms);
	bind_int(put, 10, entry->seat_count);
	bind_uint(put, 11, entry->created_at_ms);
	bind_uint(put, 12, entry->version);
	return result_of(database_run(database, PUT));
}

static enum catalog_result sqlite_find(struct catalog *port, const struct uuid *event_id, struct arena *arena,
                                       const struct catalog_entry **ret_entry)
{
	assert(event_id != NULL && arena != NULL && ret_entry != NULL);
	struct database *database = database_of(port);
	struct catalog_entry *entry = arena_allocate(arena, sizeof *entry);
	if (entry == NULL)
		return CATALOG_DOWN;
	bind_uuid(database->statements[FIND], 1, event_id);
	int code = database_step(database, FIND);
	bool is_right = code != SQLITE_ROW || stored_catalog_entry_read(statement_columns(database->statements[FIND]), arena, entry);
	database_reset(database, FIND);
	if (!is_right || result_of(code) != CATALOG_OK)
		return CATALOG_DOWN;
	*ret_entry = code == SQLITE_ROW ? entry : NULL;
	return CATALOG_OK;
}

/* Steps the statement, whose first two parameters are where the list begins and how long it may be. */
static enum catalog_result list_entries(struct database *database, uint32_t statement, const struct uuid *after, uint32_t limit,
                                        struct arena *arena, struct catalog_list *ret_list)
{
	assert(statement == LIST || statement == SEARCH);
	assert(limit > 0 && arena != NULL && ret_list != NULL);
	sqlite3_stmt *list_statement = database->statements[statement];
	struct catalog_list list = {.entries = arena_allocate_array(arena, limit, sizeof *list.entries)};
	if (list.entries == NULL)
		return CATALOG_DOWN;
	bind_bytes(list_statement, 1, after, after == NULL ? 0 : sizeof *after);
	bind_int(list_statement, 2, limit);
	int code;
	while ((code = database_step(database, statement)) == SQLITE_ROW) {
		assert(list.count < limit);
		if (!stored_catalog_entry_read(statement_columns(list_statement), arena, &list.entries[list.count]))
			break;
		list.count++;
	}
	database_reset(database, statement);
	if (code != SQLITE_DONE)
		return CATALOG_DOWN;
	*ret_list = list;
	return CATALOG_OK;
}

static enum catalog_result sqlite_list(struct catalog *port, const struct uuid *after, uint32_t limit, struct arena *arena,
                                       struct catalog_list *ret_list)
{
	assert(port != NULL && ret_list != NULL);
	return list_entries(database_of(port), LIST, after, limit, arena, ret_list);
}

static enum catalog_result sqlite_search(struct catalog *port, const struct catalog_filter *filter, const struct uuid *after,
                                         uint32_t limit, struct arena *arena, struct catalog_list *ret_list)
{
	assert(filter != NULL && ret_list != NULL);
	struct database *database = database_of(port);
	sqlite3_stmt *search = database->statements[SEARCH];
	bind_uint(search, 3, filter->starts_from_ms);
	bind_uint(search, 4, filter->starts_until_ms);
	bind_int(search, 5, filter->status);
	bind_text(search, 6, text_or_empty(filter->venue));
	bind_text(search, 7, text_or_empty(filter->words));
	return list_entries(database, SEARCH, after, limit, arena, ret_list);
}

static enum catalog_result sqlite_drop(struct catalog *port, const struct uuid *event_id)
{
	assert(event_id != NULL);
	struct database *database = database_of(port);
	bind_uuid(database->statements[DROP], 1, event_id);
	return result_of(database_run(database, DROP));
}

static enum catalog_result sqlite_ping(struct catalog *port)
{
	struct database *database = database_of(port);
	int code = database_step(database, PING);
	database_reset(database, PING);
	return result_of(code);
}

static void sqlite_free(struct catalog *port)
{
	assert(port != NULL);
	struct sqlite_catalog *catalog = container_of(port, struct sqlite_catalog, port);
	database_release(&catalog->database);
	free(catalog);
}

static const struct catalog_operations operations = {
	.put = sqlite_put,
	.find = sqlite_find,
	.list = sqlite_list,
	.search = sqlite_search,
	.drop = sqlite_drop,
	.ping = sqlite_ping,
	.free = sqlite_free,
};

static enum error open_catalog(const char *path, bool looks, struct catalog **ret_catalog, char message[static SQLITE_MESSAGE_MAX])
{
	assert(path != NULL && ret_catalog != NULL);
	struct sqlite_catalog *catalog = calloc(1, sizeof *catalog);
	if (catalog == NULL)
		return ERR_NO_MEMORY;
	catalog->port = (struct catalog){.operations = &operations};
	/* No entry waits for the disk: the change that it is made of was synced with its commit, and is dropped only behind the entry in
	 * the same log, so that a power cut that takes the entry leaves the change. */
	const struct database_options options = {
		.path = path, .statements = statements, .statement_count = STATEMENT_COUNT, .cache_kib = CACHE_KIB, .looks = looks};
	enum error error = database_open(&options, &catalog->database, message);
	if (error != OK) {
		free(catalog);
		return error;
	}
	*ret_catalog = &catalog->port;
	return OK;
}

enum error sqlite_catalog_open(const char *path, struct catalog **ret_catalog, char message[static SQLITE_MESSAGE_MAX])
{
	return open_catalog(path, false, ret_catalog, message);
}

enum error sqlite_catalog_open_to_look(const char *path, struct catalog **ret_catalog, char message[static SQLITE_MESSAGE_MAX])
{
	return open_catalog(path, true, ret_catalog, message);
}
