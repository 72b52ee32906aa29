/* uuid.c: reading, writing and making UUIDs. */
#include "base/uuid.h"

#include <assert.h>

#include "base/hex.h"

/* The offset of each byte's two digits in the text. */
static const uint8_t byte_offsets[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

bool uuid_parse(struct slice text, struct uuid *ret_uuid)
{
	assert(ret_uuid != NULL);

	if (text.length != UUID_TEXT_LENGTH)
		return false;
	if (text.data[8] != '-' || text.data[13] != '-' || text.data[18] != '-' || text.data[23] != '-')
		return false;
	struct uuid uuid;
	for (size_t i = 0; i < sizeof uuid.bytes; i++) {
		if (!hex_decode(&text.data[byte_offsets[i]], &uuid.bytes[i], 1))
			return false;
	}
	*ret_uuid = uuid;
	return true;
}

void uuid_format(const struct uuid *uuid, char text[static UUID_TEXT_LENGTH + 1])
{
	assert(uuid != NULL);

	for (size_t i = 0; i < sizeof uuid->bytes; i++)
		hex_encode(&uuid->bytes[i], 1, &text[byte_offsets[i]]);
	text[8] = text[13] = text[18] = text[23] = '-';
	text[UUID_TEXT_LENGTH] = '\0';
}

static void write_big_endian(uint8_t bytes[static 8], uint64_t value)
{
	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(value >> (56 - 8 * i));
}

struct uuid uuid_v7(uint64_t stamp, uint64_t random, uint8_t shard)
{
	assert(stamp >> 60 == 0);

	struct uuid uuid;
	write_big_endian(uuid.bytes, (stamp >> 12) << 16 | UINT64_C(0x7000) | (stamp & 0xfff));
	write_big_endian(uuid.bytes + 8, UINT64_C(2) << 62 | random >> 10 << 8 | shard);
	return uuid;
}

uint64_t uuid_stamp(const struct uuid *uuid)
{
	assert(uuid != NULL);

	uint64_t front = 0;
	for (int i = 0; i < 8; i++)
		front = front << 8 | uuid->bytes[i];
	return front >> 16 << 12 | (front & 0xfff);
}
