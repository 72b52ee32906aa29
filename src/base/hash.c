/* hash.c: SipHash-1-3: one round for every eight bytes, three to finish. */
#include "base/hash.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

struct hash_state {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate_left(uint64_t value, unsigned bits)
{
	return value << bits | value >> (64 - bits);
}

static inline void hash_round(struct hash_state *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = rotate_left(s->v1, 13) ^ s->v0;
	s->v3 = rotate_left(s->v3, 16) ^ s->v2;
	s->v0 = rotate_left(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = rotate_left(s->v1, 17) ^ s->v2;
	s->v3 = rotate_left(s->v3, 21) ^ s->v0;
	s->v2 = rotate_left(s->v2, 32);
}

static inline void hash_word(struct hash_state *s, uint64_t word)
{
	s->v3 ^= word;
	hash_round(s);
	s->v0 ^= word;
}

/* Up to eight bytes, the first one lowest. */
static inline uint64_t read_little_endian(const char *bytes, size_t length)
{
	uint64_t word = 0;
	memcpy(&word, bytes, length);
	return le64toh(word);
}

uint64_t hash_bytes(const struct hash_seed *seed, const void *data, size_t length)
{
	assert(seed != NULL);
	assert(data != NULL || length == 0);

	struct hash_state s = {
		.v0 = seed->k0 ^ UINT64_C(0x736f6d6570736575),
		.v1 = seed->k1 ^ UINT64_C(0x646f72616e646f6d),
		.v2 = seed->k0 ^ UINT64_C(0x6c7967656e657261),
		.v3 = seed->k1 ^ UINT64_C(0x7465646279746573),
	};
	const char *bytes = length == 0 ? "" : data; /* NULL takes no offset, not even zero */
	size_t whole = length - length % 8;
	for (size_t i = 0; i < whole; i += 8)
		hash_word(&s, read_little_endian(bytes + i, 8));
	hash_word(&s, (uint64_t)length << 56 | read_little_endian(bytes + whole, length - whole));
	s.v2 ^= 0xff;
	for (int i = 0; i < 3; i++)
		hash_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
