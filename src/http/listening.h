/* listening.h: the sockets that a server listens on: addresses, names, unix sockets, and those that a supervisor has opened. Internal to
 * http/. */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "http/server_options.h"

struct listening {
	int descriptors[HTTP_SOCKETS_MAX]; /* that listen and do not block */
	uint32_t count;
};

/* Adds the sockets of one address: a name may have several, all of which have the port of the first. An inherited socket is taken over.
 * ERR_SYSTEM with errno: none of them is to be had, and nothing is added; an inherited one stays the caller's. */
must_check enum error listening_add(struct listening *listening, const struct http_address *address);
/* Closes what is there. */
void listening_close(struct listening *listening);
/* 0: a unix socket. */
uint16_t listening_port(int descriptor);
