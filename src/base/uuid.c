/* uuid.c: reading, writing and making UUIDs. */
#include "base/uuid.h"

#include <assert.h>

/* Where the two digits of each byte stand in the text. */
static const uint8_t byte_offsets[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

/* 0 to 15, or -1. */
static int hexadecimal_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	char lower = (char)(digit | 0x20);
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool uuid_parse(struct slice text, struct uuid *ret_uuid)
{
	assert(ret_uuid != NULL);

	if (text.length != UUID_TEXT_LENGTH)
		return false;
	if (text.data[8] != '-' || text.data[13] != '-' || text.data[18] != '-' || text.data[23] != '-')
		return false;
	struct uuid uuid;
	for (size_t i = 0; i < sizeof uuid.bytes; i++) {
		int high = hexadecimal_value(text.data[byte_offsets[i]]);
		int low = hexadecimal_value(text.data[byte_offsets[i] + 1]);
		if (high < 0 || low < 0)
			return false;
		uuid.bytes[i] = (uint8_t)(high << 4 | low);
	}
	*ret_uuid = uuid;
	return true;
}

void uuid_format(const struct uuid *uuid, char text[static UUID_TEXT_LENGTH + 1])
{
	assert(uuid != NULL);

	static const char digits[16] = "0123456789abcdef";
	for (size_t i = 0; i < sizeof uuid->bytes; i++) {
		text[byte_offsets[i]] = digits[uuid->bytes[i] >> 4];
		text[byte_offsets[i] + 1] = digits[uuid->bytes[i] & 15];
	}
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
