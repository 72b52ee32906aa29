/* endpoint.c: the little of RFC 3986 that the address of a server to be measured needs. */
#include "bench/endpoint.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define SCHEME "http://"
#define URL_MAX (ENDPOINT_HOST_MAX + 8) /* with the scheme and a slash */

/* Cuts "host:port", "[::1]:port" or "host" in two, in place; the port is "80" when there is none. False: neither form. */
static bool split(char *authority, char **ret_host, const char **ret_port)
{
	char *host = authority;
	char *end = authority + strcspn(authority, ":");
	if (*authority == '[') {
		host = authority + 1;
		end = strchr(host, ']');
		if (end == NULL)
			return false;
		*end++ = '\0';
	}
	if (*end != '\0' && *end != ':')
		return false;
	*ret_port = *end == ':' ? end + 1 : "80";
	*end = '\0';
	*ret_host = host;
	return *host != '\0' && **ret_port != '\0';
}

const char *endpoint_resolve(const char *url, struct endpoint *ret_endpoint)
{
	assert(url != NULL && ret_endpoint != NULL);

	if (strncmp(url, SCHEME, strlen(SCHEME)) != 0)
		return "the URL must begin with http://";
	const char *authority = url + strlen(SCHEME);
	size_t length = strcspn(authority, "/");
	if (authority[length] != '\0' && strcmp(authority + length, "/") != 0)
		return "the URL must end after the port";
	struct endpoint endpoint = {0};
	if (length > ENDPOINT_HOST_MAX)
		return "the URL is too long";
	memcpy(endpoint.host, authority, length);

	char parts[ENDPOINT_HOST_MAX + 1];
	memcpy(parts, endpoint.host, sizeof parts);
	char *host;
	const char *port;
	if (!split(parts, &host, &port))
		return "the URL must name a host and a port";
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found;
	int problem = getaddrinfo(host, port, &hints, &found);
	if (problem != 0)
		return gai_strerror(problem);
	memcpy(&endpoint.address, found->ai_addr, found->ai_addrlen);
	endpoint.length = found->ai_addrlen;
	freeaddrinfo(found);
	*ret_endpoint = endpoint;
	return NULL;
}

const char *endpoint_list_resolve(const char *urls, struct endpoint_list *ret_list)
{
	assert(urls != NULL && ret_list != NULL);

	struct endpoint_list list = {0};
	for (;; urls++) {
		char url[URL_MAX + 1] = "";
		size_t length = strcspn(urls, ",");
		if (length > URL_MAX)
			return "the URL is too long";
		if (list.count == ENDPOINTS_MAX)
			return "these are too many URLs";
		memcpy(url, urls, length);
		const char *problem = endpoint_resolve(url, &list.items[list.count++]);
		if (problem != NULL)
			return problem;
		urls += length;
		if (*urls == '\0')
			break;
	}
	*ret_list = list;
	return NULL;
}

const char *endpoint_probe(const struct endpoint *endpoint)
{
	assert(endpoint != NULL && endpoint->length > 0);

	int descriptor = socket(endpoint->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return strerror(errno);
	const char *problem = NULL;
	if (connect(descriptor, (const struct sockaddr *)&endpoint->address, endpoint->length) != 0)
		problem = strerror(errno);
	close(descriptor);
	return problem;
}
