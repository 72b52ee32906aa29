/* fuzz_proxy_header.c: any bytes as the first ones of a connection from a proxy. A piece of a header asks for more, bytes behind a header change
 * nothing, and only a whole header names a client. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "http/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum proxy_header_result read_bytes(const uint8_t *data, size_t size, size_t *ret_length, struct ip_address *ret_client)
{
	struct ip_address before;
	memset(&before, 0xa5, sizeof before);
	*ret_client = before;
	*ret_length = 0;
	enum proxy_header_result result =
		proxy_header_read((struct slice){.data = (const char *)data, .length = size}, ret_length, ret_client);
	assert(result == PROXY_HEADER_WHOLE || memcmp(ret_client, &before, sizeof before) == 0);
	assert(result != PROXY_HEADER_PARTIAL || *ret_length > size);
	assert(result != PROXY_HEADER_WHOLE || *ret_length <= size);
	assert((result != PROXY_HEADER_WHOLE && result != PROXY_HEADER_PARTIAL) ||
	       (*ret_length >= PROXY_HEADER_FIRST && *ret_length <= PROXY_HEADER_MAX));
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ip_address client, again;
	size_t length, again_length;
	enum proxy_header_result result = read_bytes(data, size, &length, &client);
	if (result != PROXY_HEADER_WHOLE)
		return 0;
	for (size_t piece = 1; piece < length; piece++)
		assert(read_bytes(data, piece, &again_length, &again) == PROXY_HEADER_PARTIAL && again_length <= length);
	assert(read_bytes(data, length, &again_length, &again) == PROXY_HEADER_WHOLE && again_length == length);
	assert(memcmp(&client, &again, sizeof client) == 0);
	return 0;
}
