/* hash.h: SipHash-1-3 (Aumasson and Bernstein 2012) for hash tables whose keys come from outside; a secret seed keeps them unguessable. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct hash_seed {
	uint64_t k0, k1;
};

uint64_t hash_bytes(const struct hash_seed *seed, const void *data, size_t length);
