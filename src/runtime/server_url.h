/* server_url.h: the URL by which a client on this machine reaches the server that listens on LISTEN_ADDR. */
#pragma once

#include "base/arena.h"
#include "config/config.h"

/* "http://127.0.0.1:8080", or https:// with TLS: a wildcard address becomes the loopback one. "http://unix:/run/tro/api.sock:", for
 * http_client.h, when it is a unix socket. In the arena; NULL when that is full. */
const char *server_url(const struct config_address *address, bool is_encrypted, struct arena *arena);
/* Of the first address that others than unix sockets have, or else of the first. */
const char *server_url_of_any(const struct config_http *http, struct arena *arena);
