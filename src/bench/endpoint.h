/* endpoint.h: where the server listens: "http://host:port" as an address to connect to and as the text of the Host header. */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/attributes.h"

#define ENDPOINT_HOST_MAX 255

struct endpoint {
	struct sockaddr_storage address;
	socklen_t length;
	char host[ENDPOINT_HOST_MAX + 1]; /* "127.0.0.1:8080" */
};

/* Looks the host up. NULL when it worked; else a sentence that says what is wrong, static, and *ret_endpoint is untouched. */
must_check const char *endpoint_resolve(const char *url, struct endpoint *ret_endpoint);
/* Connects once and closes. NULL when something listens there; else what the system says, valid until the next strerror. */
must_check const char *endpoint_probe(const struct endpoint *endpoint);
