/* client_address.h: finds the client's address, and whether it uses TLS, when the connection comes from a proxy. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cidr.h"
#include "http/head.h"

/* The peer, unless it is a trusted proxy: then the rightmost address in X-Forwarded-For that is no trusted proxy, since each proxy adds
 * the address it saw on the right. If all are trusted proxies: the leftmost of them. At an entry that is no address ("unknown",
 * "_hidden") the search ends: the address to its right counts. An entry may have a port: 192.0.2.1:4711, [2001:db8::1]:4711. Without
 * X-Forwarded-For the for= of Forwarded counts in the same way; with it Forwarded is ignored, as a proxy that writes one of the two
 * passes the client's own text in the other. */
struct ip_address client_address(const struct cidr_list *trusted, const struct ip_address *peer, const struct http_header *headers,
                                 uint32_t header_count);
/* Whether the client asked by https. The peer's connection says it, unless the peer is a trusted proxy that says http or https in
 * X-Forwarded-Proto or, where that and X-Forwarded-For are not there, in the proto= of Forwarded. The rightmost word counts, which the
 * proxy wrote. For traces alone: a proxy that writes neither passes on what its client wrote. */
bool client_is_encrypted(const struct cidr_list *trusted, const struct ip_address *peer, bool is_peer_encrypted,
                         const struct http_header *headers, uint32_t header_count);
