/* idempotency_key.c: RFC 8941, section 4.2.5, for quoted keys; many clients send bare ones. */
#include "auth/idempotency_key.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

static bool is_printable(char character)
{
	return character >= 0x20 && character <= 0x7e;
}

/* Appends a character. False when the key is full or it is not printable. */
static bool key_append(struct idempotency_key *key, char character)
{
	if (key->length == IDEMPOTENCY_KEY_LENGTH_MAX || !is_printable(character))
		return false;
	key->text[key->length++] = character;
	return true;
}

static bool read_bare(struct slice field, struct idempotency_key *key)
{
	for (size_t i = 0; i < field.length; i++) {
		if (!key_append(key, field.data[i]))
			return false;
	}
	return true;
}

/* The closing quote must be the last character. */
static bool read_quoted(struct slice field, struct idempotency_key *key)
{
	for (size_t i = 1; i < field.length; i++) {
		char character = field.data[i];
		if (character == '"')
			return i + 1 == field.length;
		if (character == '\\') {
			i++;
			if (i == field.length || (field.data[i] != '"' && field.data[i] != '\\'))
				return false;
			character = field.data[i];
		}
		if (!key_append(key, character))
			return false;
	}
	return false;
}

bool idempotency_key_parse(struct slice field, struct idempotency_key *ret_key)
{
	assert(field.data != NULL || field.length == 0);
	assert(ret_key != NULL);

	struct idempotency_key key;
	key.length = 0;
	struct slice trimmed = slice_trim(field);
	bool is_quoted = trimmed.length > 0 && trimmed.data[0] == '"';
	bool is_read = is_quoted ? read_quoted(trimmed, &key) : read_bare(trimmed, &key);
	if (!is_read || key.length < IDEMPOTENCY_KEY_LENGTH_MIN)
		return false;
	*ret_key = key;
	return true;
}

static void first_half(struct digest *digest, const struct slice *parts, uint32_t count, uint8_t *half)
{
	uint8_t whole[DIGEST_LENGTH];
	digest_compute(digest, parts, count, whole);
	memcpy(half, whole, IDEMPOTENCY_HASH_LENGTH);
}

void idempotency_hash(struct digest *digest, struct slice user, const struct idempotency_key *key,
                      uint8_t hash[static IDEMPOTENCY_HASH_LENGTH])
{
	assert(digest != NULL && key != NULL);
	assert(key->length >= IDEMPOTENCY_KEY_LENGTH_MIN);

	const struct slice parts[] = {user, SLICE("\0"), {.data = key->text, .length = key->length}};
	first_half(digest, parts, ARRAY_LENGTH(parts), hash);
}

void idempotency_fingerprint(struct digest *digest, struct slice method, struct slice path, struct slice body,
                             uint8_t fingerprint[static IDEMPOTENCY_HASH_LENGTH])
{
	assert(digest != NULL);
	assert(method.length > 0 && path.length > 0);

	const struct slice parts[] = {method, SLICE(" "), path, SLICE("\n"), body};
	first_half(digest, parts, ARRAY_LENGTH(parts), fingerprint);
}
