/* names.c: tags, names and slots. */
#include "adapters/redis/names.h"

#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/hex.h"

#define DIGEST_LENGTH 32
#define PREFIX "tro:{"

struct redis_tag redis_tag_of(struct slice owner)
{
	assert(owner.data != NULL || owner.length == 0);
	uint8_t digest[DIGEST_LENGTH] = {0};
	int done = EVP_Digest(owner.data == NULL ? "" : owner.data, owner.length, digest, NULL, EVP_sha256(), NULL);
	assert(done == 1);
	struct redis_tag tag;
	hex_encode(digest, REDIS_TAG_DIGITS / 2, tag.digits);
	return tag;
}

/* CRC16 as in XMODEM: polynomial 0x1021, nothing reflected, from 0. */
uint16_t redis_slot_of(const struct redis_tag *tag)
{
	assert(tag != NULL);
	uint32_t crc = 0;
	for (uint32_t i = 0; i < REDIS_TAG_DIGITS; i++) {
		crc ^= (uint32_t)(uint8_t)tag->digits[i] << 8;
		for (int bit = 0; bit < 8; bit++)
			crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
		crc &= 0xffff;
	}
	return (uint16_t)(crc % REDIS_SLOTS);
}

static struct redis_name name_with(const struct redis_tag *tag, struct slice ending)
{
	struct redis_name name = {0};
	struct slice prefix = SLICE(PREFIX);
	assert(prefix.length + REDIS_TAG_DIGITS + ending.length <= REDIS_NAME_MAX);
	memcpy(name.text, prefix.data, prefix.length);
	memcpy(name.text + prefix.length, tag->digits, REDIS_TAG_DIGITS);
	memcpy(name.text + prefix.length + REDIS_TAG_DIGITS, ending.data, ending.length);
	name.length = (uint32_t)(prefix.length + REDIS_TAG_DIGITS + ending.length);
	return name;
}

struct redis_name redis_name_of_user(const struct redis_tag *tag)
{
	assert(tag != NULL);
	return name_with(tag, SLICE("}:u"));
}

struct redis_name redis_name_of_address(const struct redis_tag *tag)
{
	assert(tag != NULL);
	return name_with(tag, SLICE("}:a"));
}

struct redis_name redis_name_of_key(const struct redis_tag *tag, const uint8_t key[static KEY_HASH_LENGTH])
{
	assert(tag != NULL);
	struct redis_name name = name_with(tag, SLICE("}:k:"));
	assert(name.length + 2 * KEY_HASH_LENGTH <= REDIS_NAME_MAX);
	name.length = (uint32_t)(hex_encode(key, KEY_HASH_LENGTH, name.text + name.length) - name.text);
	return name;
}
