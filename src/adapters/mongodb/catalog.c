/* catalog.c: the catalog port, a call at a time on a client of the pool. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapters/mongodb/collection.h"
#include "adapters/mongodb/document.h"
#include "adapters/mongodb/pool.h"
#include "base/list.h"
#include "base/now.h"
#include "base/word_search.h"

#define DUPLICATE_KEY 11000

struct mongodb_catalog {
	struct catalog port;
	struct mongodb_pool *pool;
	bool looks;
};

static struct mongodb_catalog *catalog_of(struct catalog *port)
{
	assert(port != NULL);
	return container_of(port, struct mongodb_catalog, port);
}

/* The library has no deadlines for calls: a call with no time left is not begun, and the limits of its steps end any other. */
static bool is_too_late(const struct catalog *port)
{
	assert(port != NULL);
	return port->deadline_ns != 0 && monotonic_now_ns() >= port->deadline_ns;
}

static bool begin(struct catalog *port, struct mongodb_lease *ret_lease)
{
	assert(ret_lease != NULL);
	bson_error_t error = {0};
	if (is_too_late(port)) {
		snprintf(port->problem, sizeof port->problem, "MongoDB does not answer in time");
		return false;
	}
	if (!mongodb_lease_take(catalog_of(port)->pool, ret_lease, &error)) {
		mongodb_explain(&error, port->problem);
		return false;
	}
	return true;
}

static enum catalog_result end(struct catalog *port, struct mongodb_lease *lease, bool is_done, const bson_error_t *error)
{
	assert(lease->client != NULL && error != NULL);
	mongodb_lease_end(lease);
	if (!is_done)
		mongodb_explain(error, port->problem);
	return is_done ? CATALOG_OK : CATALOG_DOWN;
}

static bool update(mongoc_collection_t *events, const bson_t *which, const bson_t *document, bool inserts, bson_error_t *error)
{
	assert(which != NULL && document != NULL && error != NULL);
	bson_t options = BSON_INITIALIZER;
	BSON_APPEND_BOOL(&options, "upsert", inserts);
	bool is_done = mongoc_collection_replace_one(events, which, document, &options, NULL, error);
	bson_destroy(&options);
	return is_done;
}

/* An entry of this or a higher version does not match, so that its key is there already: it stays. One that somebody else has just inserted
 * may be of a lower version: now it matches, or has been replaced. */
static bool replace_older(mongoc_collection_t *events, const struct catalog_entry *entry, const bson_t *document, bson_error_t *error)
{
	assert(entry != NULL && document != NULL);
	bson_t which = BSON_INITIALIZER, older;
	mongodb_append_id(&which, "_id", &entry->event_id);
	BSON_APPEND_DOCUMENT_BEGIN(&which, "version", &older);
	BSON_APPEND_INT64(&older, "$lt", (int64_t)entry->version);
	bool is_done = bson_append_document_end(&which, &older);
	assert(is_done);
	is_done = update(events, &which, document, true, error);
	if (!is_done && error->code == DUPLICATE_KEY)
		is_done = update(events, &which, document, false, error);
	bson_destroy(&which);
	return is_done;
}

static enum catalog_result mongodb_put(struct catalog *port, const struct catalog_entry *entry)
{
	assert(entry != NULL);
	struct mongodb_lease lease;
	bson_error_t error = {0};
	assert(!catalog_of(port)->looks);
	assert(entry->version <= INT64_MAX);
	if (!begin(port, &lease))
		return CATALOG_DOWN;
	bson_t document = BSON_INITIALIZER;
	bool is_done = mongodb_document_write(&document, entry);
	if (!is_done)
		bson_set_error(&error, MONGOC_ERROR_BSON, 0, "a text of an event cannot be stored");
	is_done = is_done && mongodb_pool_prepare(&lease, &error) && replace_older(lease.events, entry, &document, &error);
	bson_destroy(&document);
	return end(port, &lease, is_done, &error);
}

/* At most `limit` entries in the order of their ids. */
static bool read_entries(mongoc_collection_t *events, const bson_t *query, uint32_t limit, struct arena *arena,
                         struct catalog_list *ret_list, bson_error_t *error)
{
	assert(query != NULL && limit > 0);
	assert(arena != NULL && ret_list != NULL && error != NULL);
	struct catalog_list list = {.entries = arena_allocate_array(arena, limit, sizeof *list.entries)};
	bson_t options = BSON_INITIALIZER, order;
	const bson_t *document;
	bool is_right = list.entries != NULL;
	BSON_APPEND_DOCUMENT_BEGIN(&options, "sort", &order);
	BSON_APPEND_INT32(&order, "_id", 1);
	(void)bson_append_document_end(&options, &order);
	BSON_APPEND_INT64(&options, "limit", limit);
	BSON_APPEND_INT64(&options, "batchSize", limit);
	mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(events, query, &options, NULL);
	while (is_right && list.count < limit && mongoc_cursor_next(cursor, &document)) {
		is_right = mongodb_document_read(document, arena, &list.entries[list.count]);
		list.count += is_right;
	}
	if (!is_right)
		bson_set_error(error, MONGOC_ERROR_BSON, 0,
		               "a document of \"" MONGODB_COLLECTION "\" is none of TRO's, or there is no memory");
	bool is_done = is_right && !mongoc_cursor_error(cursor, error);
	mongoc_cursor_destroy(cursor);
	bson_destroy(&options);
	*ret_list = list;
	return is_done;
}

static enum catalog_result mongodb_find(struct catalog *port, const struct uuid *event_id, struct arena *arena,
                                        const struct catalog_entry **ret_entry)
{
	assert(event_id != NULL && ret_entry != NULL);
	struct mongodb_lease lease;
	struct catalog_list list;
	bson_error_t error = {0};
	if (!begin(port, &lease))
		return CATALOG_DOWN;
	bson_t query = BSON_INITIALIZER;
	mongodb_append_id(&query, "_id", event_id);
	bool is_done = read_entries(lease.events, &query, 1, arena, &list, &error);
	bson_destroy(&query);
	if (is_done)
		*ret_entry = list.count == 0 ? NULL : &list.entries[0];
	return end(port, &lease, is_done, &error);
}

static enum catalog_result mongodb_search(struct catalog *port, const struct catalog_filter *filter, const struct uuid *after,
                                          uint32_t limit, struct arena *arena, struct catalog_list *ret_list)
{
	assert(limit > 0 && ret_list != NULL);
	struct mongodb_lease lease;
	struct catalog_list list;
	bson_error_t error = {0};
	if (filter != NULL && !word_search_is_possible(filter->words)) {
		*ret_list = (struct catalog_list){0};
		return CATALOG_OK;
	}
	if (!begin(port, &lease))
		return CATALOG_DOWN;
	bson_t query = BSON_INITIALIZER;
	bool is_done = mongodb_append_filter(&query, filter, after);
	if (!is_done)
		bson_set_error(&error, MONGOC_ERROR_BSON, 0, "a text of a filter cannot be sent");
	is_done = is_done && read_entries(lease.events, &query, limit, arena, &list, &error);
	bson_destroy(&query);
	if (is_done)
		*ret_list = list;
	return end(port, &lease, is_done, &error);
}

static enum catalog_result mongodb_list(struct catalog *port, const struct uuid *after, uint32_t limit, struct arena *arena,
                                        struct catalog_list *ret_list)
{
	assert(ret_list != NULL);
	return mongodb_search(port, NULL, after, limit, arena, ret_list);
}

static enum catalog_result mongodb_drop(struct catalog *port, const struct uuid *event_id)
{
	assert(event_id != NULL);
	struct mongodb_lease lease;
	bson_error_t error = {0};
	assert(!catalog_of(port)->looks);
	if (!begin(port, &lease))
		return CATALOG_DOWN;
	bson_t which = BSON_INITIALIZER;
	mongodb_append_id(&which, "_id", event_id);
	bool is_done = mongoc_collection_delete_one(lease.events, &which, NULL, NULL, &error);
	bson_destroy(&which);
	return end(port, &lease, is_done, &error);
}

/* A read, as those are that people wait for: a server that answers it serves. */
static enum catalog_result mongodb_ping(struct catalog *port)
{
	assert(port != NULL);
	struct mongodb_lease lease;
	bson_error_t error = {0};
	const bson_t *document;
	if (!begin(port, &lease))
		return CATALOG_DOWN;
	bson_t query = BSON_INITIALIZER, options = BSON_INITIALIZER;
	BSON_APPEND_INT64(&options, "limit", 1);
	mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(lease.events, &query, &options, NULL);
	(void)mongoc_cursor_next(cursor, &document);
	bool is_done = !mongoc_cursor_error(cursor, &error);
	mongoc_cursor_destroy(cursor);
	bson_destroy(&options);
	bson_destroy(&query);
	is_done = is_done && (catalog_of(port)->looks || mongodb_pool_prepare(&lease, &error));
	if (is_done)
		port->problem[0] = '\0';
	return end(port, &lease, is_done, &error);
}

static void mongodb_free(struct catalog *port)
{
	assert(port != NULL);
	free(catalog_of(port));
}

static const struct catalog_operations operations = {
	.put = mongodb_put,
	.find = mongodb_find,
	.list = mongodb_list,
	.search = mongodb_search,
	.drop = mongodb_drop,
	.ping = mongodb_ping,
	.free = mongodb_free,
};

enum error mongodb_catalog_new(struct mongodb_pool *pool, bool looks, struct catalog **ret_catalog)
{
	assert(pool != NULL && ret_catalog != NULL);
	struct mongodb_catalog *catalog = calloc(1, sizeof *catalog);
	if (catalog == NULL)
		return ERR_NO_MEMORY;
	*catalog = (struct mongodb_catalog){.port = {.operations = &operations}, .pool = pool, .looks = looks};
	*ret_catalog = &catalog->port;
	return OK;
}
