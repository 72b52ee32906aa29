/* pool.h: connections to MongoDB, and its errors in words. Private to the MongoDB adapter. */
#pragma once

#include <mongoc/mongoc.h>
#include <stdbool.h>

#include "adapters/mongodb/mongodb.h"

/* A client of the pool with the collection of events: of one call on one thread, which counts as outside (base/outside.h) while it has
 * it. */
struct mongodb_lease {
	struct mongodb_pool *pool;
	mongoc_client_t *client;
	mongoc_collection_t *events;
};

/* False: none is to be had; error says why. */
must_check bool mongodb_lease_take(struct mongodb_pool *pool, struct mongodb_lease *ret_lease, bson_error_t *error);
void mongodb_lease_end(struct mongodb_lease *lease);

/* Makes the collection of events once, with what the server supports of it; later calls cost nothing. False: error says why. */
must_check bool mongodb_pool_prepare(struct mongodb_lease *lease, bson_error_t *error);

/* In one line for people, without credentials. */
void mongodb_explain(const bson_error_t *error, char problem[static CATALOG_PROBLEM_MAX]);
