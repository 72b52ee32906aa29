/* digest.h: SHA-256 and HMAC-SHA-256 of OpenSSL. They run for every request: all they need is in the structures, so that computing cannot
 * fail. */
#pragma once

#include <openssl/sha.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/slice.h"

#define DIGEST_LENGTH 32

/* Either is used by one thread at a time. */
struct digest {
	SHA256_CTX begun;
};

struct hmac {
	/* Each of the two hashes of RFC 2104 behind its first block, which is made of the key. */
	SHA256_CTX inner;
	SHA256_CTX outer;
};

/* ERR_NO_MEMORY; nothing to release then. */
must_check enum error digest_init(struct digest *digest);
/* Takes one that is all zero. */
void digest_release(struct digest *digest);
/* SHA-256 of the parts one after the other. */
void digest_compute(const struct digest *digest, const struct slice *parts, uint32_t count, uint8_t hash[static DIGEST_LENGTH]);

/* The secret is copied. ERR_NO_MEMORY; nothing to release then. */
must_check enum error hmac_init(struct hmac *hmac, struct slice secret);
/* Takes one that is all zero. */
void hmac_release(struct hmac *hmac);
/* HMAC-SHA-256 of the parts one after the other. */
void hmac_compute(const struct hmac *hmac, const struct slice *parts, uint32_t count, uint8_t code[static DIGEST_LENGTH]);
