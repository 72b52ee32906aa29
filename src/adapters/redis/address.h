/* address.h: parses REDIS_ADDR. Private to the Redis adapter. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "adapters/net/tls_client.h"
#include "adapters/redis/redis.h"
#include "base/attributes.h"

#define REDIS_NODES_MAX 32 /* nodes of a cluster, those it names included */
#define REDIS_HOST_MAX 256
#define REDIS_CREDENTIAL_MAX 512

struct redis_endpoint {
	char host[REDIS_HOST_MAX]; /* a name or an address without brackets */
	uint16_t port;
};

struct redis_address {
	struct redis_endpoint endpoints[REDIS_NODES_MAX];
	uint32_t endpoint_count;
	bool is_cluster; /* more than one endpoint was given; one node of a cluster is found out when it is asked */
	bool is_tls;
	struct tls_client_files tls;         /* of the caller; not from the text */
	char user[REDIS_CREDENTIAL_MAX];     /* empty: the default user */
	char password[REDIS_CREDENTIAL_MAX]; /* empty: no AUTH is sent */
	uint32_t database;
};

/* Reads "host:port", "host:port,host:port", or redis[s]://[[user]:password@]host[:port][/database] with several hosts allowed,
 * percent-encoded credentials. False: message says what is wrong, without the password; *ret_address is undefined then. */
must_check bool redis_address_parse(const char *text, struct redis_address *ret_address, char message[static REDIS_MESSAGE_MAX]);
