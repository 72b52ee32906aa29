/* server_url.c: LISTEN_ADDR as a URL. */
#include "runtime/server_url.h"

#include <string.h>

const char *server_url(const struct config_address *listen, struct arena *arena)
{
	const char *host = listen->host;
	if (*host == '\0' || strcmp(host, "*") == 0 || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0)
		host = "127.0.0.1";
	bool is_ipv6 = strchr(host, ':') != NULL;
	return arena_format(arena, "http://%s%s%s:%u", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", (unsigned)listen->port).data;
}
