/* fuzz_cidr.c: any bytes as an address, a block and a list of blocks. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>

#include "base/cidr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_address(struct slice text)
{
	struct ip_address address, again;
	if (!ip_address_parse(text, &address))
		return;
	char written[IP_ADDRESS_TEXT_MAX + 1];
	ip_address_format(&address, written);
	assert(ip_address_parse(slice_of(written), &again));
	assert(memcmp(&address, &again, sizeof address) == 0);
}

static void check_block(struct slice text)
{
	struct cidr block, again;
	if (!cidr_parse(text, &block))
		return;
	assert(block.prefix_length <= 128 && cidr_contains(&block, &block.network));
	char address[IP_ADDRESS_TEXT_MAX + 1], written[IP_ADDRESS_TEXT_MAX + 8];
	ip_address_format(&block.network, address);
	bool is_v4 = ip_address_is_v4(&block.network);
	snprintf(written, sizeof written, "%s/%d", address, block.prefix_length - (is_v4 ? 96 : 0));
	assert(cidr_parse(slice_of(written), &again));
	assert(memcmp(&block, &again, sizeof block) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {.data = (const char *)data, .length = size};
	struct cidr_list list;
	check_address(text);
	check_block(text);
	if (cidr_list_parse(text, &list)) {
		for (uint32_t i = 0; i < list.count; i++)
			assert(cidr_list_contains(&list, &list.blocks[i].network));
	}
	return 0;
}
