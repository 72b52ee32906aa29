/* endpoint.h: the address of a server: "http://host:port" as an address to connect to and as the text of the Host header. */
#pragma once

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/attributes.h"

#define ENDPOINT_HOST_MAX 255
#define ENDPOINTS_MAX 8

struct endpoint {
	struct sockaddr_storage address;
	socklen_t length;
	char host[ENDPOINT_HOST_MAX + 1]; /* "127.0.0.1:8080" */
};

/* Servers that serve the same, such as several on one database. */
struct endpoint_list {
	struct endpoint items[ENDPOINTS_MAX];
	uint32_t count;
};

/* Looks the host up. NULL when it worked; else a sentence that says what is wrong, static, and *ret_endpoint is untouched. */
must_check const char *endpoint_resolve(const char *url, struct endpoint *ret_endpoint);
/* The same for one URL or several, with commas between them. */
must_check const char *endpoint_list_resolve(const char *urls, struct endpoint_list *ret_list);
/* Connects once and closes. NULL when something listens there; else what the system says, valid until the next strerror. */
must_check const char *endpoint_probe(const struct endpoint *endpoint);
