/* fuzz_idempotency_key.c: any bytes as an Idempotency-Key; a key that is taken, quoted, is the same key. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "auth/idempotency_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_same_when_quoted(const struct idempotency_key *key)
{
	char quoted[2 * IDEMPOTENCY_KEY_LENGTH_MAX + 2];
	size_t length = 0;
	quoted[length++] = '"';
	for (size_t i = 0; i < key->length; i++) {
		if (key->text[i] == '"' || key->text[i] == '\\')
			quoted[length++] = '\\';
		quoted[length++] = key->text[i];
	}
	quoted[length++] = '"';
	struct idempotency_key again;
	assert(idempotency_key_parse((struct slice){.data = quoted, .length = length}, &again));
	assert(again.length == key->length && memcmp(again.text, key->text, key->length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct idempotency_key key;
	if (!idempotency_key_parse((struct slice){.data = (const char *)data, .length = size}, &key))
		return 0;
	assert(key.length >= IDEMPOTENCY_KEY_LENGTH_MIN);
	for (size_t i = 0; i < key.length; i++)
		assert(key.text[i] >= 0x20 && key.text[i] <= 0x7e);
	expect_same_when_quoted(&key);
	return 0;
}
