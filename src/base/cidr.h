/* cidr.h: IP addresses and the blocks they are in ("10.0.0.0/8", "2001:db8::/32", "::1").
 *
 * IPv4 is kept as its IPv4-mapped form ::ffff:a.b.c.d, so that a client seen through a dual-stack socket is the same client. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/attributes.h"
#include "base/slice.h"

#define IP_ADDRESS_TEXT_MAX 45 /* characters of the longest IPv6 form */
#define CIDR_LIST_MAX 64

struct ip_address {
	uint8_t bytes[16];
};

struct cidr {
	struct ip_address network; /* host bits zero */
	uint8_t prefix_length;     /* of the 128 bits: 10.0.0.0/8 has 104 */
};

struct cidr_list {
	struct cidr blocks[CIDR_LIST_MAX];
	uint32_t count;
};

/* "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"; no brackets, port or zone. False: *ret_address untouched. */
must_check bool ip_address_parse(struct slice text, struct ip_address *ret_address);
/* The address of a peer. False when it is of neither family (a Unix socket): *ret_address untouched. */
must_check bool ip_address_of_socket(const struct sockaddr *socket_address, struct ip_address *ret_address);
/* The form of RFC 5952, IPv4 in dotted decimals; terminated. */
void ip_address_format(const struct ip_address *address, char text[static IP_ADDRESS_TEXT_MAX + 1]);
bool ip_address_is_v4(const struct ip_address *address);
#define CLIENT_IPV6_PREFIX_DEFAULT 64 /* the network of a household or a server */

/* The client that an address stands for in counts of clients: a network of IPv6 of this prefix length, 1 to 128, or an address of IPv4. */
struct ip_address ip_address_client_network(const struct ip_address *address, uint32_t ipv6_prefix);

/* An address with or without a prefix length; without one the block is that address. Host bits are dropped: 10.1.2.3/8 is 10.0.0.0/8.
 * False: *ret_cidr untouched. */
must_check bool cidr_parse(struct slice text, struct cidr *ret_cidr);
/* A block of one family has no address of the other: ::/0 has no IPv4 ones. */
bool cidr_contains(const struct cidr *cidr, const struct ip_address *address);

/* At most CIDR_LIST_MAX blocks with commas between, blanks around them ignored; an empty text is an empty list. False: *ret_list
 * untouched. */
must_check bool cidr_list_parse(struct slice text, struct cidr_list *ret_list);
bool cidr_list_contains(const struct cidr_list *list, const struct ip_address *address);
