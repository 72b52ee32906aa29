/* mongodb.h: the catalog port (ports/catalog.h) in the collection `events` of a MongoDB database.
 *
 * Nothing waits for MongoDB to start: a pool connects to nothing, and every call of a catalog ends within MONGODB_CALL_MS or so, also
 * when the server hangs. The first ping that reaches a server makes the collection with its validator, where the server supports one,
 * and its indexes. document.h describes the documents. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "ports/catalog.h"

#define MONGODB_MESSAGE_MAX 512
#define MONGODB_DATABASE "tro" /* unless the URI names another */
#define MONGODB_STEP_MS 1000   /* to choose a server, and to be answered; options of the URI win */
#define MONGODB_CONNECT_MS 700 /* less, so that it is known then why there is no server */
#define MONGODB_CALL_MS 2000   /* a read that fails is tried once more */

struct mongodb_pool;

/* The connections of this process, for all its catalogs; connects to nothing. ERR_VALIDATION: the URI is malformed or asks for what the
 * client library does not have; message says so in one line for people, without the password. ERR_NO_MEMORY. */
must_check enum error mongodb_pool_new(const char *uri, struct mongodb_pool **ret_pool, char message[static MONGODB_MESSAGE_MAX]);
/* After its catalogs. Takes NULL. */
void mongodb_pool_free(struct mongodb_pool *pool);
/* Calls that have a connection just now, and how many may have one: maxPoolSize of the URI. Safe from any thread. */
uint32_t mongodb_pool_in_use(const struct mongodb_pool *pool);
uint32_t mongodb_pool_max(const struct mongodb_pool *pool);

/* looks: it never writes, neither entries nor the collection. The pool is borrowed. ERR_NO_MEMORY. */
must_check enum error mongodb_catalog_new(struct mongodb_pool *pool, bool looks, struct catalog **ret_catalog);
