/* client_address.h: who the client is when the connection comes from a proxy. Pure. */
#pragma once

#include <stdint.h>

#include "base/cidr.h"
#include "http/head.h"

/* The peer, unless it is a trusted proxy: then the rightmost address in X-Forwarded-For that is not one, since each proxy adds the
 * address it saw on the right. Only trusted proxies there: the leftmost of them. What is left of an entry that is no address
 * ("unknown", "_hidden") is no better than that entry: the address to its right counts.
 * An entry may have a port: 192.0.2.1:4711, [2001:db8::1]:4711. Without X-Forwarded-For the for= of Forwarded counts in the same way; with it Forwarded
 * does not: a proxy that writes only the one lets what a client says in the other pass. */
struct ip_address client_address(const struct cidr_list *trusted, const struct ip_address *peer, const struct http_header *headers,
                                 uint32_t header_count);
