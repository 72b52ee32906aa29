/* address_counts.h: counts the connections of each client address, IPv6 by its network. Internal to http/.
 *
 * Safe from any thread. */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "base/cidr.h"
#include "base/error.h"

struct address_counts;

/* maximum: of one address; expected: connections in all, for the size of the table; ipv6_prefix: bits of an address of IPv6 that tell
 * clients apart, 1 to 128. ERR_NO_MEMORY, ERR_SYSTEM. */
must_check enum error address_counts_new(uint32_t maximum, uint32_t expected, uint32_t ipv6_prefix, struct address_counts **ret_counts);
/* Takes NULL. */
void address_counts_free(struct address_counts *counts);

/* Counts a connection. ERR_OVERLOADED: the address has its maximum; ERR_NO_MEMORY. An error counts nothing. */
must_check enum error address_counts_add(struct address_counts *counts, const struct ip_address *address);
/* One that was counted has been closed. */
void address_counts_remove(struct address_counts *counts, const struct ip_address *address);
