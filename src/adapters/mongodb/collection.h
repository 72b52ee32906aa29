/* collection.h: the collection of events: its validator and its indexes. Private to the MongoDB adapter. */
#pragma once

#include <mongoc/mongoc.h>
#include <stdbool.h>

#include "base/attributes.h"

#define MONGODB_COLLECTION "events"

/* Makes the collection, unless it is there, with a validator when the server and the user's rights have one, and its indexes. False: error
 * says why. */
must_check bool mongodb_collection_prepare(mongoc_client_t *client, const char *database, bson_error_t *error);
