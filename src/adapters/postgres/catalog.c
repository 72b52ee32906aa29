/* catalog.c: the catalog port, in a table of the same database. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/postgres/connection.h"
#include "adapters/postgres/parameters.h"
#include "adapters/postgres/rows.h"
#include "base/list.h"
#include "base/word_search.h"

/* Folded as the port has it, whatever the locale. */
#define FOLDED(column) "translate(" column ", 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')"

#define PATTERNS_MAX ((size_t)256 * 1024) /* of the words of one search */

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
	[PUT] = "INSERT INTO catalog (" CATALOG_COLUMNS
		") VALUES ($1::uuid, $2::text, $3::text, $4::text, $5::int8, $6::int8, $7::text, $8::int8,"
		" $9::int8, $10::int8, $11::int8, $12::int8) ON CONFLICT (event_id) DO UPDATE SET name = excluded.name,"
		" venue = excluded.venue, description = excluded.description, starts_at = excluded.starts_at, status = excluded.status,"
		" currency = excluded.currency, on_sale_from = excluded.on_sale_from, on_sale_until = excluded.on_sale_until,"
		" seat_count = excluded.seat_count, created_at = excluded.created_at, version = excluded.version"
		" WHERE excluded.version > catalog.version",
	[FIND] = "SELECT " CATALOG_COLUMNS " FROM catalog WHERE event_id = $1::uuid",
	[LIST] = "SELECT " CATALOG_COLUMNS " FROM catalog WHERE event_id > $1::uuid ORDER BY event_id LIMIT $2::int8",
	/* An end of 0 is none, and so is a status. The words come as regular expressions with blanks between. */
	[SEARCH] = "SELECT " CATALOG_COLUMNS " FROM catalog WHERE event_id > $1::uuid AND starts_at >= $3::int8"
		   " AND ($4::int8 = 0 OR starts_at <= $4::int8) AND ($5::int8 = 0 OR status = $5::int8)"
		   " AND ($6::text = '' OR " FOLDED(
			   "venue") " = $6::text) AND NOT EXISTS (SELECT 1 FROM"
				    " unnest(string_to_array($7::text, ' ')) AS wanted (pattern) WHERE name !~ wanted.pattern)"
				    " ORDER BY event_id LIMIT $2::int8",
	[DROP] = "DELETE FROM catalog WHERE event_id = $1::uuid",
	[PING] = "SELECT 1 FROM catalog ORDER BY event_id LIMIT 1",
};

struct postgres_catalog {
	struct catalog port;
	struct connection connection;
	struct parameters parameters; /* of the statement that is being sent */
};

static struct postgres_catalog *catalog_of(struct catalog *port)
{
	assert(port != NULL);
	return container_of(port, struct postgres_catalog, port);
}

/* Runs the statement with what is in the parameters, and empties them. False: it failed; else *ret_answer is the caller's, for PQclear. */
static bool query(struct postgres_catalog *catalog, uint32_t statement, PGresult **ret_answer)
{
	assert(statement < STATEMENT_COUNT && ret_answer != NULL);
	catalog->connection.deadline_ns = catalog->port.deadline_ns;
	enum store_result result = connection_query(&catalog->connection, statement, &catalog->parameters, ret_answer);
	parameters_clear(&catalog->parameters);
	return result == STORE_OK;
}

/* The same, without an answer. */
static enum catalog_result run(struct postgres_catalog *catalog, uint32_t statement)
{
	assert(statement == PUT || statement == DROP || statement == PING);
	PGresult *answer;
	if (!query(catalog, statement, &answer))
		return CATALOG_DOWN;
	PQclear(answer);
	return CATALOG_OK;
}

static enum catalog_result postgres_put(struct catalog *port, const struct catalog_entry *entry)
{
	assert(entry != NULL);
	struct postgres_catalog *catalog = catalog_of(port);
	struct parameters *parameters = &catalog->parameters;
	scalar_uuid(parameters, 0, &entry->event_id);
	scalar_bytes(parameters, 1, entry->details.name);
	scalar_bytes(parameters, 2, entry->details.venue);
	scalar_bytes(parameters, 3, entry->details.description);
	scalar_uint(parameters, 4, entry->details.starts_at_ms);
	scalar_int(parameters, 5, entry->status);
	scalar_bytes(parameters, 6, slice_of(entry->currency.code));
	scalar_uint(parameters, 7, entry->on_sale_from_ms);
	scalar_uint(parameters, 8, entry->on_sale_until_ms);
	scalar_int(parameters, 9, entry->seat_count);
	scalar_uint(parameters, 10, entry->created_at_ms);
	scalar_uint(parameters, 11, entry->version);
	return run(catalog, PUT);
}

/* Every row of the answer, which is freed. */
static enum catalog_result read_entries(PGresult *answer, struct arena *arena, struct catalog_list *ret_list)
{
	assert(arena != NULL && ret_list != NULL);
	struct catalog_list list = {.count = (uint32_t)PQntuples(answer)};
	list.entries = arena_allocate_array(arena, list.count, sizeof *list.entries);
	bool is_right = list.entries != NULL;
	for (uint32_t i = 0; is_right && i < list.count; i++) {
		struct tuple tuple = {.answer = answer, .row = (int)i};
		is_right = stored_catalog_entry_read(tuple_columns(&tuple), arena, &list.entries[i]);
	}
	PQclear(answer);
	if (!is_right)
		return CATALOG_DOWN;
	*ret_list = list;
	return CATALOG_OK;
}

static enum catalog_result postgres_find(struct catalog *port, const struct uuid *event_id, struct arena *arena,
                                         const struct catalog_entry **ret_entry)
{
	assert(event_id != NULL && arena != NULL && ret_entry != NULL);
	struct postgres_catalog *catalog = catalog_of(port);
	PGresult *answer;
	struct catalog_list list;
	scalar_uuid(&catalog->parameters, 0, event_id);
	if (!query(catalog, FIND, &answer) || read_entries(answer, arena, &list) != CATALOG_OK)
		return CATALOG_DOWN;
	*ret_entry = list.count > 0 ? &list.entries[0] : NULL;
	return CATALOG_OK;
}

/* Runs the statement, whose first two parameters are where the list begins and how long it may be. */
static enum catalog_result list_entries(struct postgres_catalog *catalog, uint32_t statement, const struct uuid *after, uint32_t limit,
                                        struct arena *arena, struct catalog_list *ret_list)
{
	assert(statement == LIST || statement == SEARCH);
	assert(limit > 0 && arena != NULL && ret_list != NULL);
	static const struct uuid before_all;
	PGresult *answer;
	scalar_uuid(&catalog->parameters, 0, after == NULL ? &before_all : after);
	scalar_int(&catalog->parameters, 1, limit);
	return query(catalog, statement, &answer) ? read_entries(answer, arena, ret_list) : CATALOG_DOWN;
}

static enum catalog_result postgres_list(struct catalog *port, const struct uuid *after, uint32_t limit, struct arena *arena,
                                         struct catalog_list *ret_list)
{
	assert(ret_list != NULL);
	return list_entries(catalog_of(port), LIST, after, limit, arena, ret_list);
}

/* PostgreSQL's text holds no U+0000 and its server refuses a parameter that does: no entry has such a text. */
static bool cannot_be_stored(struct slice text)
{
	assert(text.data != NULL || text.length == 0);
	return text.length > 0 && memchr(text.data, '\0', text.length) != NULL;
}

static void write_patterns(struct slice words, struct buffer *patterns)
{
	struct slice word;
	for (bool is_first = true; word_search_next(&words, &word); is_first = false) {
		if (!is_first)
			buffer_append_byte(patterns, ' ');
		word_search_pattern(word, patterns);
	}
}

static enum catalog_result search(struct postgres_catalog *catalog, const struct catalog_filter *filter, struct slice patterns,
                                  const struct uuid *after, uint32_t limit, struct arena *arena, struct catalog_list *ret_list)
{
	struct parameters *parameters = &catalog->parameters;
	scalar_uint(parameters, 2, filter->starts_from_ms);
	scalar_uint(parameters, 3, filter->starts_until_ms);
	scalar_int(parameters, 4, filter->status);
	scalar_bytes(parameters, 5, text_or_empty(filter->venue));
	scalar_bytes(parameters, 6, text_or_empty(patterns));
	return list_entries(catalog, SEARCH, after, limit, arena, ret_list);
}

static enum catalog_result postgres_search(struct catalog *port, const struct catalog_filter *filter, const struct uuid *after,
                                           uint32_t limit, struct arena *arena, struct catalog_list *ret_list)
{
	assert(filter != NULL && ret_list != NULL);
	struct buffer patterns;
	buffer_init(&patterns, arena, PATTERNS_MAX);
	if (cannot_be_stored(filter->venue) || !word_search_is_possible(filter->words)) {
		*ret_list = (struct catalog_list){0};
		return CATALOG_OK;
	}
	write_patterns(filter->words, &patterns);
	if (patterns.failed)
		return CATALOG_DOWN;
	return search(catalog_of(port), filter, buffer_slice(&patterns), after, limit, arena, ret_list);
}

static enum catalog_result postgres_drop(struct catalog *port, const struct uuid *event_id)
{
	assert(event_id != NULL);
	struct postgres_catalog *catalog = catalog_of(port);
	scalar_uuid(&catalog->parameters, 0, event_id);
	return run(catalog, DROP);
}

static enum catalog_result postgres_ping(struct catalog *port)
{
	return run(catalog_of(port), PING);
}

static void postgres_free(struct catalog *port)
{
	assert(port != NULL);
	struct postgres_catalog *catalog = catalog_of(port);
	connection_release(&catalog->connection);
	parameters_release(&catalog->parameters);
	free(catalog);
}

static const struct catalog_operations operations = {
	.put = postgres_put,
	.find = postgres_find,
	.list = postgres_list,
	.search = postgres_search,
	.drop = postgres_drop,
	.ping = postgres_ping,
	.free = postgres_free,
};

static enum error open_catalog(const char *dsn, bool looks, struct catalog **ret_catalog, char message[static POSTGRES_MESSAGE_MAX])
{
	assert(dsn != NULL && ret_catalog != NULL);
	struct postgres_catalog *catalog = calloc(1, sizeof *catalog);
	if (catalog == NULL)
		return ERR_NO_MEMORY;
	catalog->port = (struct catalog){.operations = &operations};
	parameters_init(&catalog->parameters);
	enum error error = connection_open(dsn, statements, STATEMENT_COUNT, &catalog->connection, message);
	if (error != OK) {
		free(catalog);
		return error;
	}
	catalog->connection.waits_for_session = true;
	catalog->connection.looks = looks;
	*ret_catalog = &catalog->port;
	return OK;
}

enum error postgres_catalog_open(const char *dsn, struct catalog **ret_catalog, char message[static POSTGRES_MESSAGE_MAX])
{
	return open_catalog(dsn, false, ret_catalog, message);
}

enum error postgres_catalog_open_to_look(const char *dsn, struct catalog **ret_catalog, char message[static POSTGRES_MESSAGE_MAX])
{
	return open_catalog(dsn, true, ret_catalog, message);
}
