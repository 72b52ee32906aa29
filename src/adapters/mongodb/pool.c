/* pool.c: libmongoc's pool with limits on all of its waiting. A URI of mongodb+srv is looked up in the DNS when the pool is made: one that
 * failed is made again by the next call. */
#include "adapters/mongodb/pool.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "adapters/mongodb/collection.h"
#include "base/outside.h"

#define WAIT_FOR_CLIENT_MS 200
#define CONNECTIONS_DEFAULT 100  /* the library's, where the URI says nothing */
#define AUTHENTICATION_FAILED 18 /* of the server */
#define UNAUTHORIZED 13

struct mongodb_pool {
	mongoc_uri_t *uri;
	const char *database; /* the URI's */
	pthread_mutex_t mutex;
	mongoc_client_pool_t *clients; /* guarded; NULL: not made yet */
	_Atomic bool is_prepared;
	_Atomic uint32_t in_use;
};

/* The library is never shut down: its threads end with the pools. Its messages on stderr are in the errors as well. */
static void begin_library(void)
{
	mongoc_log_set_handler(NULL, NULL);
	mongoc_init();
}

static void set_limit(mongoc_uri_t *uri, const char *option, int32_t milliseconds)
{
	assert(uri != NULL && option != NULL && milliseconds > 0);
	if (!mongoc_uri_has_option(uri, option))
		mongoc_uri_set_option_as_int32(uri, option, milliseconds);
}

static void set_limits(mongoc_uri_t *uri)
{
	assert(uri != NULL);
	set_limit(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, MONGODB_STEP_MS);
	set_limit(uri, MONGOC_URI_CONNECTTIMEOUTMS, MONGODB_CONNECT_MS);
	set_limit(uri, MONGOC_URI_SOCKETTIMEOUTMS, MONGODB_STEP_MS);
	set_limit(uri, MONGOC_URI_WAITQUEUETIMEOUTMS, WAIT_FOR_CLIENT_MS);
	if (mongoc_uri_get_appname(uri) == NULL)
		(void)mongoc_uri_set_appname(uri, "tro");
	/* Without a majority a failover could lose a placed entry, which is not placed again. */
	if (mongoc_write_concern_get_w(mongoc_uri_get_write_concern(uri)) == MONGOC_WRITE_CONCERN_W_DEFAULT) {
		mongoc_write_concern_t *concern = mongoc_write_concern_new();
		mongoc_write_concern_set_wmajority(concern, MONGODB_STEP_MS);
		mongoc_uri_set_write_concern(uri, concern);
		mongoc_write_concern_destroy(concern);
	}
}

/* The library's message about a URI may repeat a part of it, so it is shown only when it quotes nothing. */
static mongoc_uri_t *read_uri(const char *text, char message[static MONGODB_MESSAGE_MAX])
{
	assert(text != NULL);
	bson_error_t error = {0};
	mongoc_uri_t *uri = mongoc_uri_new_with_error(text, &error);
	if (uri == NULL) {
		bool is_plain = error.message[0] != '\0' && strpbrk(error.message, "\"@") == NULL;
		snprintf(message, MONGODB_MESSAGE_MAX, "MONGO_URI is malformed%s%.400s", is_plain ? ": " : "",
		         is_plain ? error.message : "");
	}
	return uri;
}

enum error mongodb_pool_new(const char *uri, struct mongodb_pool **ret_pool, char message[static MONGODB_MESSAGE_MAX])
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	assert(uri != NULL && ret_pool != NULL);

	(void)pthread_once(&once, begin_library);
	struct mongodb_pool *pool = calloc(1, sizeof *pool);
	if (pool == NULL)
		return ERR_NO_MEMORY;
	pool->uri = read_uri(uri, message);
	if (pool->uri == NULL) {
		free(pool);
		return ERR_VALIDATION;
	}
	set_limits(pool->uri);
	const char *database = mongoc_uri_get_database(pool->uri);
	pool->database = database == NULL || database[0] == '\0' ? MONGODB_DATABASE : database;
	(void)pthread_mutex_init(&pool->mutex, NULL);
	*ret_pool = pool;
	return OK;
}

void mongodb_pool_free(struct mongodb_pool *pool)
{
	if (pool == NULL)
		return;
	if (pool->clients != NULL)
		mongoc_client_pool_destroy(pool->clients);
	(void)pthread_mutex_destroy(&pool->mutex);
	mongoc_uri_destroy(pool->uri);
	free(pool);
}

uint32_t mongodb_pool_in_use(const struct mongodb_pool *pool)
{
	assert(pool != NULL);
	return pool->in_use;
}

uint32_t mongodb_pool_max(const struct mongodb_pool *pool)
{
	assert(pool != NULL && pool->uri != NULL);
	int32_t max = mongoc_uri_get_option_as_int32(pool->uri, MONGOC_URI_MAXPOOLSIZE, CONNECTIONS_DEFAULT);
	return max > 0 ? (uint32_t)max : CONNECTIONS_DEFAULT;
}

/* libmongoc counts in shared memory of this name, from before main. Without a name nothing is left behind by kill -9, over which a later
 * process with the same id would complain on stderr. */
__attribute__((constructor)) static void unlink_counters(void)
{
	char name[32];
	(void)snprintf(name, sizeof name, "/mongoc-%u", (unsigned)getpid());
	(void)shm_unlink(name);
}

static mongoc_client_pool_t *make_clients(struct mongodb_pool *pool, bson_error_t *error)
{
	assert(pool->uri != NULL && pool->clients == NULL);
	mongoc_client_pool_t *clients = mongoc_client_pool_new_with_error(pool->uri, error);
	if (clients != NULL)
		(void)mongoc_client_pool_set_error_api(clients, MONGOC_ERROR_API_VERSION_2);
	return clients;
}

static bool take(struct mongodb_pool *pool, struct mongodb_lease *ret_lease, bson_error_t *error)
{
	assert(ret_lease != NULL && error != NULL);
	(void)pthread_mutex_lock(&pool->mutex);
	if (pool->clients == NULL)
		pool->clients = make_clients(pool, error);
	mongoc_client_pool_t *clients = pool->clients;
	(void)pthread_mutex_unlock(&pool->mutex);
	if (clients == NULL)
		return false;
	mongoc_client_t *client = mongoc_client_pool_pop(clients);
	if (client == NULL) {
		bson_set_error(error, MONGOC_ERROR_CLIENT, 0, "every connection of the pool is in use");
		return false;
	}
	pool->in_use++;
	*ret_lease = (struct mongodb_lease){
		.pool = pool,
		.client = client,
		.events = mongoc_client_get_collection(client, pool->database, MONGODB_COLLECTION),
	};
	return true;
}

bool mongodb_lease_take(struct mongodb_pool *pool, struct mongodb_lease *ret_lease, bson_error_t *error)
{
	assert(error != NULL);
	assert(pool != NULL && ret_lease != NULL);
	outside_begin(); /* a look-up in the DNS may take long, too */
	bool is_taken = take(pool, ret_lease, error);
	if (!is_taken)
		outside_end();
	return is_taken;
}

void mongodb_lease_end(struct mongodb_lease *lease)
{
	assert(lease->client != NULL && lease->events != NULL);
	outside_end();
	mongoc_collection_destroy(lease->events);
	mongoc_client_pool_push(lease->pool->clients, lease->client);
	lease->pool->in_use--;
	*lease = (struct mongodb_lease){0};
}

bool mongodb_pool_prepare(struct mongodb_lease *lease, bson_error_t *error)
{
	assert(lease->client != NULL && error != NULL);
	struct mongodb_pool *pool = lease->pool;
	if (!pool->is_prepared)
		pool->is_prepared = mongodb_collection_prepare(lease->client, pool->database, error);
	return pool->is_prepared;
}

/* The library puts what happened to each server in brackets behind a sentence on its own search for one. */
static int innermost(const char *message, const char **ret_begin)
{
	assert(message != NULL && ret_begin != NULL);
	const char *open = strchr(message, '['), *close = open == NULL ? NULL : strchr(open, ']');
	*ret_begin = close == NULL ? message : open + 1;
	return close == NULL ? (int)strlen(message) : (int)(close - open - 1);
}

void mongodb_explain(const bson_error_t *error, char problem[static CATALOG_PROBLEM_MAX])
{
	assert(error != NULL);
	const char *begin;
	bool is_refused = (error->domain == MONGOC_ERROR_CLIENT && error->code == MONGOC_ERROR_CLIENT_AUTHENTICATE) ||
	                  (error->domain == MONGOC_ERROR_SERVER && error->code == AUTHENTICATION_FAILED);
	int length = innermost(error->message, &begin);
	if (is_refused)
		snprintf(problem, CATALOG_PROBLEM_MAX, "MongoDB refuses the user or the password of MONGO_URI");
	else if (error->domain == MONGOC_ERROR_SERVER && error->code == UNAUTHORIZED)
		snprintf(problem, CATALOG_PROBLEM_MAX, "MongoDB does not allow this to the user of MONGO_URI");
	else
		snprintf(problem, CATALOG_PROBLEM_MAX, "MongoDB: %.*s", length, begin);
	for (char *at = problem; *at != '\0'; at++)
		if ((unsigned char)*at < ' ')
			*at = ' ';
}
