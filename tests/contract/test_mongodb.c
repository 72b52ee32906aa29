/* test_mongodb.c: the promises of the MongoDB adapter beyond the contract of the catalog. */
#include <mongoc/mongoc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "adapters/mongodb/mongodb.h"
#include "tests/contract/backends.h"

#define SECRET "gWuq7-never-in-a-log"

struct stand {
	struct mongodb_pool *pool;
	struct catalog *catalog;
	struct arena arena;
};

static void open_stand(struct stand *stand, const char *uri)
{
	char message[MONGODB_MESSAGE_MAX] = "";
	assert_int_equal(mongodb_pool_new(uri, &stand->pool, message), OK);
	assert_int_equal(mongodb_catalog_new(stand->pool, false, &stand->catalog), OK);
	arena_init(&stand->arena, 4096, 1024 * 1024);
}

static void close_stand(struct stand *stand)
{
	catalog_free(stand->catalog);
	mongodb_pool_free(stand->pool);
	arena_release(&stand->arena);
}

/* A database of its own on the server of the tests. */
static void own_uri(char uri[static 256], const char *name)
{
	const char *server = getenv("TRO_TEST_MONGO"), *database = strrchr(server, '/');
	(void)snprintf(uri, 256, "%.*s/%s_%d", (int)(database - server), server, name, (int)getpid());
}

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static struct catalog_entry entry_of(uint8_t number)
{
	return (struct catalog_entry){
		.event_id = {{number}},
		.details = {.name = SLICE("Opera"), .venue = SLICE("House"), .description = SLICE(""), .starts_at_ms = 5},
		.status = SALE_ON_SALE,
		.currency = {"EUR"},
		.version = 1,
	};
}

static void a_malformed_uri_is_refused_without_the_secret(void **state)
{
	static const char *const uris[] = {
		"mongodb://user:" SECRET "@",         "mongodb://user:" SECRET "@a,b:0/tro",  "mongodb://user:" SECRET "@a/tro?tls=" SECRET,
		"mongodb://user:" SECRET "%zz@a/tro", "mongodb://user:pa:" SECRET "@a@b/tro",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(uris); i++) {
		struct mongodb_pool *pool = NULL;
		char message[MONGODB_MESSAGE_MAX] = "";
		assert_int_equal(mongodb_pool_new(uris[i], &pool, message), ERR_VALIDATION);
		assert_null(pool);
		assert_ptr_equal(strstr(message, "MONGO_URI"), message);
		assert_null(strstr(message, SECRET));
		assert_null(strchr(message, '\n'));
	}
}

static void where_nobody_listens_it_says_so_in_time(void **state)
{
	(void)state;
	struct stand stand;
	open_stand(&stand, "mongodb://tro:" SECRET "@127.0.0.1:1/tro");
	uint64_t began_ms = now_ms();
	assert_int_equal(stand.catalog->operations->ping(stand.catalog), CATALOG_DOWN);
	assert_in_range(now_ms() - began_ms, 0, MONGODB_CALL_MS + 1000);
	assert_non_null(strstr(stand.catalog->problem, "127.0.0.1:1"));
	assert_null(strstr(stand.catalog->problem, SECRET));
	assert_null(strchr(stand.catalog->problem, '['));
	close_stand(&stand);
}

/* The first ping of a slow machine ends before the reason is known: the test goes on asking. */
static void a_refused_tls_is_named(void **state)
{
	(void)state;
	char uri[256], with_tls[300];
	struct stand stand;
	own_uri(uri, "tls");
	(void)snprintf(with_tls, sizeof with_tls, "%s?tls=true", uri);
	open_stand(&stand, with_tls);
	for (uint32_t i = 0; i < 10 && strstr(stand.catalog->problem, "TLS") == NULL; i++)
		assert_int_equal(stand.catalog->operations->ping(stand.catalog), CATALOG_DOWN);
	assert_non_null(strstr(stand.catalog->problem, "TLS"));
	close_stand(&stand);
}

static void the_catalog_begins_no_call_past_its_deadline(void **state)
{
	(void)state;
	char uri[256];
	struct stand stand;
	own_uri(uri, "late");
	open_stand(&stand, uri);
	stand.catalog->deadline_ns = 1;
	assert_int_equal(stand.catalog->operations->ping(stand.catalog), CATALOG_DOWN);
	assert_true(stand.catalog->problem[0] != '\0');
	stand.catalog->deadline_ns = 0;
	assert_int_equal(stand.catalog->operations->ping(stand.catalog), CATALOG_OK);
	assert_string_equal(stand.catalog->problem, "");
	close_stand(&stand);
}

/* The server is asked, not the adapter. */
static void the_collection_has_its_indexes(void **state)
{
	(void)state;
	char uri[256], names[256] = "";
	struct stand stand;
	own_uri(uri, "indexes");
	open_stand(&stand, uri);
	assert_int_equal(stand.catalog->operations->ping(stand.catalog), CATALOG_OK);
	mongoc_client_t *client = mongoc_client_new(uri);
	mongoc_collection_t *events = mongoc_client_get_collection(client, strrchr(uri, '/') + 1, "events");
	mongoc_cursor_t *cursor = mongoc_collection_find_indexes_with_opts(events, NULL);
	const bson_t *index;
	bson_iter_t iter;
	while (mongoc_cursor_next(cursor, &index)) {
		assert_true(bson_iter_init_find(&iter, index, "name"));
		(void)snprintf(names + strlen(names), sizeof names - strlen(names), "%s ", bson_iter_utf8(&iter, NULL));
	}
	assert_non_null(strstr(names, "starts_at "));
	assert_non_null(strstr(names, "venue "));
	assert_non_null(strstr(names, "status "));
	mongoc_cursor_destroy(cursor);
	mongoc_collection_destroy(events);
	mongoc_client_destroy(client);
	close_stand(&stand);
	open_stand(&stand, uri); /* of a collection that is there already */
	assert_int_equal(stand.catalog->operations->ping(stand.catalog), CATALOG_OK);
	close_stand(&stand);
}

static void a_read_only_catalog_creates_no_collections(void **state)
{
	(void)state;
	char uri[256];
	struct stand stand;
	struct catalog *looker;
	own_uri(uri, "look");
	open_stand(&stand, uri);
	assert_int_equal(mongodb_catalog_new(stand.pool, true, &looker), OK);
	assert_int_equal(looker->operations->ping(looker), CATALOG_OK);
	mongoc_client_t *client = mongoc_client_new(uri);
	mongoc_database_t *database = mongoc_client_get_database(client, strrchr(uri, '/') + 1);
	bson_error_t error;
	assert_false(mongoc_database_has_collection(database, "events", &error));
	mongoc_database_destroy(database);
	mongoc_client_destroy(client);
	catalog_free(looker);
	close_stand(&stand);
}

/* A document that somebody else put there is not taken for an event. */
static void a_foreign_document_is_said(void **state)
{
	(void)state;
	char uri[256];
	struct stand stand;
	struct catalog_list list;
	own_uri(uri, "foreign");
	open_stand(&stand, uri);
	struct catalog_entry entry = entry_of(1);
	assert_int_equal(stand.catalog->operations->put(stand.catalog, &entry), CATALOG_OK);
	mongoc_client_t *client = mongoc_client_new(uri);
	mongoc_collection_t *events = mongoc_client_get_collection(client, strrchr(uri, '/') + 1, "events");
	bson_t *document = BCON_NEW("_id", BCON_UTF8("foreign"), "name", BCON_INT32(7));
	bson_error_t error;
	assert_true(mongoc_collection_insert_one(events, document, NULL, NULL, &error));
	assert_int_equal(stand.catalog->operations->list(stand.catalog, NULL, 10, &stand.arena, &list), CATALOG_DOWN);
	assert_non_null(strstr(stand.catalog->problem, "events"));
	bson_destroy(document);
	mongoc_collection_destroy(events);
	mongoc_client_destroy(client);
	close_stand(&stand);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_malformed_uri_is_refused_without_the_secret),
		cmocka_unit_test(where_nobody_listens_it_says_so_in_time),
		cmocka_unit_test(a_refused_tls_is_named),
		cmocka_unit_test(the_catalog_begins_no_call_past_its_deadline),
		cmocka_unit_test(the_collection_has_its_indexes),
		cmocka_unit_test(a_read_only_catalog_creates_no_collections),
		cmocka_unit_test(a_foreign_document_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
