/* collection.c: commands that make the collection; each may be repeated. */
#include "adapters/mongodb/collection.h"

#include <assert.h>

#define NAMESPACE_EXISTS 48 /* a code of the server */

/* The shape that document.c writes: the server refuses other documents from any client. */
static const char validator[] =
	"{\"$jsonSchema\":{\"bsonType\":\"object\",\"required\":[\"_id\",\"name\",\"venue\",\"description\",\"starts_at\",\"status\","
	"\"currency\","
	"\"on_sale_from\",\"on_sale_until\",\"seat_count\",\"created_at\",\"version\",\"folded\"],\"properties\":{"
	"\"_id\":{\"bsonType\":\"binData\"},\"name\":{\"bsonType\":\"string\"},\"venue\":{\"bsonType\":\"string\"},"
	"\"description\":{\"bsonType\":\"string\"},\"starts_at\":{\"bsonType\":\"date\"},"
	"\"status\":{\"enum\":[\"on_sale\",\"paused\",\"cancelled\"]},\"currency\":{\"bsonType\":\"string\",\"maxLength\":3},"
	"\"on_sale_from\":{\"bsonType\":[\"date\",\"null\"]},\"on_sale_until\":{\"bsonType\":[\"date\",\"null\"]},"
	"\"seat_count\":{\"bsonType\":\"long\",\"minimum\":0},\"created_at\":{\"bsonType\":\"date\"},\"version\":{\"bsonType\":\"long\"},"
	"\"folded\":{\"bsonType\":\"object\",\"required\":[\"venue\"]}}}}";

/* Lists are in the order of _id, so every index ends with it. One a command: FerretDB 1.24 breaks off when several are there already. */
static const char *const indexes[] = {
	"{\"createIndexes\":\"" MONGODB_COLLECTION "\",\"indexes\":[{\"key\":{\"starts_at\":1,\"_id\":1},\"name\":\"starts_at\"}]}",
	"{\"createIndexes\":\"" MONGODB_COLLECTION "\",\"indexes\":[{\"key\":{\"folded.venue\":1,\"_id\":1},\"name\":\"venue\"}]}",
	"{\"createIndexes\":\"" MONGODB_COLLECTION "\",\"indexes\":[{\"key\":{\"status\":1,\"_id\":1},\"name\":\"status\"}]}",
};

static bool run(mongoc_client_t *client, const char *database, const bson_t *command, bson_error_t *error)
{
	assert(client != NULL && database != NULL && command != NULL);
	return mongoc_client_write_command_with_opts(client, database, command, NULL, NULL, error);
}

/* {<name>: "events", validator: …}; without a validator the server checks nothing. */
static bool run_on_collection(mongoc_client_t *client, const char *database, const char *name, bool has_validator, bson_error_t *error)
{
	assert(name != NULL);
	bson_t command = BSON_INITIALIZER, schema;
	BSON_APPEND_UTF8(&command, name, MONGODB_COLLECTION);
	if (has_validator) {
		bool is_json = bson_init_from_json(&schema, validator, -1, error);
		assert(is_json);
		(void)is_json;
		BSON_APPEND_DOCUMENT(&command, "validator", &schema);
		bson_destroy(&schema);
	}
	bool is_done = run(client, database, &command, error);
	bson_destroy(&command);
	return is_done;
}

static bool is_there(const bson_error_t *error)
{
	assert(error != NULL);
	return error->domain == MONGOC_ERROR_SERVER && error->code == NAMESPACE_EXISTS;
}

/* Only a server can refuse; a failure on the way to it is no answer. */
static bool is_refused(const bson_error_t *error)
{
	assert(error != NULL);
	return error->domain == MONGOC_ERROR_SERVER || error->domain == MONGOC_ERROR_QUERY;
}

static bool make(mongoc_client_t *client, const char *database, bson_error_t *error)
{
	assert(error != NULL);
	if (run_on_collection(client, database, "create", true, error))
		return true;
	if (is_there(error)) /* a right that is not had, or a server without validators, leaves it as it is */
		return run_on_collection(client, database, "collMod", true, error) || is_refused(error);
	return is_refused(error) && (run_on_collection(client, database, "create", false, error) || is_there(error));
}

static bool make_index(mongoc_client_t *client, const char *database, const char *text, bson_error_t *error)
{
	assert(text != NULL);
	bson_t command;
	if (!bson_init_from_json(&command, text, -1, error))
		return false;
	bool is_done = run(client, database, &command, error);
	bson_destroy(&command);
	return is_done;
}

bool mongodb_collection_prepare(mongoc_client_t *client, const char *database, bson_error_t *error)
{
	assert(client != NULL && database != NULL && error != NULL);
	bool is_done = make(client, database, error);
	for (size_t i = 0; is_done && i < sizeof indexes / sizeof indexes[0]; i++)
		is_done = make_index(client, database, indexes[i], error);
	return is_done;
}
