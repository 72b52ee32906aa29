/* server_url.h: how a client on this machine reaches the server that listens on LISTEN_ADDR. */
#pragma once

#include "base/arena.h"
#include "config/config.h"

/* "http://127.0.0.1:8080": a wildcard address becomes the loopback one. In the arena; NULL when that is full. */
const char *server_url(const struct config_address *listen, struct arena *arena);
