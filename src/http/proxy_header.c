/* proxy_header.c: see proxy_header.h. */
#include "http/proxy_header.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define SIGNATURE_LENGTH 12
#define VERSION_AND_LOCAL 0x20
#define VERSION_AND_PROXY 0x21
#define FAMILY_INET 1
#define FAMILY_INET6 2
#define TRANSPORT_STREAM 1
#define INET_LENGTH 12 /* two addresses and two ports */
#define INET6_LENGTH 36

/* False: the block is too short for its family. */
static bool read_source(const uint8_t *header, size_t block_length, struct ip_address *client)
{
	const uint8_t *block = header + PROXY_HEADER_FIRST;
	uint8_t family = header[13] >> 4;
	if (family == FAMILY_INET) {
		struct sockaddr_in v4 = {.sin_family = AF_INET};
		if (block_length < INET_LENGTH)
			return false;
		memcpy(&v4.sin_addr, block, sizeof v4.sin_addr);
		return ip_address_of_socket((const struct sockaddr *)&v4, client);
	}
	if (family == FAMILY_INET6) {
		if (block_length < INET6_LENGTH)
			return false;
		memcpy(client->bytes, block, sizeof client->bytes);
	}
	return true;
}

enum proxy_header_result proxy_header_read(struct slice bytes, size_t *ret_length, struct ip_address *client)
{
	assert(ret_length != NULL && client != NULL);

	size_t seen = bytes.length < SIGNATURE_LENGTH ? bytes.length : SIGNATURE_LENGTH;
	if (seen == 0 || memcmp(bytes.data, SIGNATURE, seen) != 0)
		return PROXY_HEADER_NONE;
	*ret_length = PROXY_HEADER_FIRST;
	if (bytes.length < PROXY_HEADER_FIRST)
		return PROXY_HEADER_PARTIAL;
	const uint8_t *header = (const uint8_t *)bytes.data;
	size_t block_length = (size_t)header[14] << 8 | header[15];
	*ret_length = PROXY_HEADER_FIRST + block_length;
	if ((header[12] != VERSION_AND_LOCAL && header[12] != VERSION_AND_PROXY) || *ret_length > PROXY_HEADER_MAX)
		return PROXY_HEADER_BAD;
	if (bytes.length < *ret_length)
		return PROXY_HEADER_PARTIAL;
	if (header[12] == VERSION_AND_LOCAL || (header[13] & 0xf) != TRANSPORT_STREAM)
		return PROXY_HEADER_WHOLE;
	return read_source(header, block_length, client) ? PROXY_HEADER_WHOLE : PROXY_HEADER_BAD;
}
