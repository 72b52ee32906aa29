/* server_url.c: LISTEN_ADDR as a URL. */
#include "runtime/server_url.h"

#include <assert.h>
#include <string.h>

const char *server_url(const struct config_address *address, bool is_encrypted, struct arena *arena)
{
	assert(address != NULL && arena != NULL);
	if (address->path != NULL)
		return arena_format(arena, "http%s://unix:%s:", is_encrypted ? "s" : "", address->path).data;
	const char *host = address->host;
	if (*host == '\0' || strcmp(host, "*") == 0 || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0)
		host = "127.0.0.1";
	bool is_ipv6 = strchr(host, ':') != NULL;
	return arena_format(arena, "http%s://%s%s%s:%u", is_encrypted ? "s" : "", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "",
	                    (unsigned)address->port)
	        .data;
}

const char *server_url_of_any(const struct config_http *http, struct arena *arena)
{
	const struct config_addresses *listen = &http->listen;
	bool is_encrypted = http->tls_certificate != NULL;
	assert(listen->count > 0);
	for (uint32_t i = 0; i < listen->count; i++)
		if (listen->items[i].path == NULL)
			return server_url(&listen->items[i], is_encrypted, arena);
	return server_url(&listen->items[0], is_encrypted, arena);
}
