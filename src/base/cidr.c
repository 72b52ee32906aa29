/* cidr.c: inet_pton() does the reading, so that what is an address is libc's answer and not ours. */
#include "base/cidr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <string.h>

#include "base/decimal.h"

#define V4_PREFIX_LENGTH 12 /* bytes of ::ffff: before the four of IPv4 */
#define V4_PREFIX_BITS (8 * V4_PREFIX_LENGTH)

static const uint8_t v4_prefix[V4_PREFIX_LENGTH] = {[10] = 0xff, [11] = 0xff};

static struct ip_address address_of_v4(const void *four_bytes)
{
	struct ip_address address;
	memcpy(address.bytes, v4_prefix, V4_PREFIX_LENGTH);
	memcpy(address.bytes + V4_PREFIX_LENGTH, four_bytes, 4);
	return address;
}

bool ip_address_parse(struct slice text, struct ip_address *ret_address)
{
	assert(ret_address != NULL);
	assert(text.data != NULL || text.length == 0);

	char terminated[IP_ADDRESS_TEXT_MAX + 1];
	if (text.length == 0 || text.length > IP_ADDRESS_TEXT_MAX || memchr(text.data, '\0', text.length) != NULL)
		return false;
	memcpy(terminated, text.data, text.length);
	terminated[text.length] = '\0';

	struct in_addr v4;
	if (inet_pton(AF_INET, terminated, &v4) == 1) {
		*ret_address = address_of_v4(&v4);
		return true;
	}
	struct in6_addr v6;
	if (inet_pton(AF_INET6, terminated, &v6) != 1)
		return false;
	memcpy(ret_address->bytes, &v6, sizeof ret_address->bytes);
	return true;
}

bool ip_address_of_socket(const struct sockaddr *socket_address, struct ip_address *ret_address)
{
	assert(socket_address != NULL);
	assert(ret_address != NULL);

	if (socket_address->sa_family == AF_INET) {
		struct sockaddr_in v4;
		memcpy(&v4, socket_address, sizeof v4);
		*ret_address = address_of_v4(&v4.sin_addr);
		return true;
	}
	if (socket_address->sa_family == AF_INET6) {
		struct sockaddr_in6 v6;
		memcpy(&v6, socket_address, sizeof v6);
		memcpy(ret_address->bytes, &v6.sin6_addr, sizeof ret_address->bytes);
		return true;
	}
	return false;
}

void ip_address_format(const struct ip_address *address, char text[static IP_ADDRESS_TEXT_MAX + 1])
{
	assert(address != NULL);

	bool is_v4 = ip_address_is_v4(address);
	const char *end =
		inet_ntop(is_v4 ? AF_INET : AF_INET6, address->bytes + (is_v4 ? V4_PREFIX_LENGTH : 0), text, IP_ADDRESS_TEXT_MAX + 1);
	assert(end != NULL);
}

bool ip_address_is_v4(const struct ip_address *address)
{
	return memcmp(address->bytes, v4_prefix, V4_PREFIX_LENGTH) == 0;
}

/* Whether the first `bits` bits are the same. */
static bool prefix_equal(const uint8_t *a, const uint8_t *b, uint32_t bits)
{
	assert(bits <= 128);

	uint32_t whole = bits / 8;
	if (memcmp(a, b, whole) != 0)
		return false;
	return bits % 8 == 0 || ((a[whole] ^ b[whole]) >> (8 - bits % 8)) == 0;
}

static void clear_host_bits(struct ip_address *address, uint32_t prefix_length)
{
	for (uint32_t i = 0; i < sizeof address->bytes; i++) {
		uint32_t kept = prefix_length >= 8 * (i + 1) ? 8 : prefix_length <= 8 * i ? 0 : prefix_length % 8;
		address->bytes[i] = (uint8_t)(address->bytes[i] & (0xff00u >> kept));
	}
}

struct ip_address ip_address_client_network(const struct ip_address *address, uint32_t ipv6_prefix)
{
	assert(address != NULL);
	assert(ipv6_prefix >= 1 && ipv6_prefix <= 128);

	struct ip_address network = *address;
	if (!ip_address_is_v4(address))
		clear_host_bits(&network, ipv6_prefix);
	return network;
}

bool cidr_parse(struct slice text, struct cidr *ret_cidr)
{
	assert(ret_cidr != NULL);
	assert(text.data != NULL || text.length == 0);

	struct slice rest = text;
	struct slice before;
	struct ip_address address;
	if (!slice_cut(&rest, '/', &before) || !ip_address_parse(before, &address))
		return false;

	uint64_t prefix_length = 128;
	if (rest.data != NULL) {
		/* 10.0.0.0/8 counts from the start of IPv4; ::ffff:10.0.0.0/104, the same block, counts from the start of IPv6. */
		bool is_dotted_v4 = memchr(before.data, ':', before.length) == NULL;
		uint32_t offset = is_dotted_v4 ? V4_PREFIX_BITS : 0;
		if (!decimal_parse(rest, 128 - offset, &prefix_length))
			return false;
		prefix_length += offset;
	}
	clear_host_bits(&address, (uint32_t)prefix_length);
	*ret_cidr = (struct cidr){.network = address, .prefix_length = (uint8_t)prefix_length};
	return true;
}

bool cidr_contains(const struct cidr *cidr, const struct ip_address *address)
{
	assert(cidr != NULL);
	assert(address != NULL);

	return ip_address_is_v4(&cidr->network) == ip_address_is_v4(address) &&
	       prefix_equal(cidr->network.bytes, address->bytes, cidr->prefix_length);
}

bool cidr_list_parse(struct slice text, struct cidr_list *ret_list)
{
	assert(ret_list != NULL);

	struct cidr_list list = {0};
	struct slice rest = slice_trim(text);
	if (rest.length == 0)
		rest.data = NULL; /* no parts, rather than one empty part */
	struct slice part;
	while (slice_cut(&rest, ',', &part)) {
		if (list.count == CIDR_LIST_MAX || !cidr_parse(slice_trim(part), &list.blocks[list.count]))
			return false;
		list.count++;
	}
	*ret_list = list;
	return true;
}

bool cidr_list_contains(const struct cidr_list *list, const struct ip_address *address)
{
	assert(list != NULL);
	assert(list->count <= CIDR_LIST_MAX);

	for (uint32_t i = 0; i < list->count; i++) {
		if (cidr_contains(&list->blocks[i], address))
			return true;
	}
	return false;
}
