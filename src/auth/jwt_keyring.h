/* jwt_keyring.h: every key that a server accepts tokens with: its secrets, its own public keys, and those that an issuer publishes.
 *
 * The verifiers of all event loops share one keyring; another thread replaces the published keys while they work. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "auth/jwt_keys.h"
#include "base/attributes.h"

#define JWT_SECRETS_MAX 8

struct jwt_keyring {
	struct slice secrets[JWT_SECRETS_MAX]; /* of HS256; borrowed; constant after start */
	uint32_t secret_count;
	struct jwt_keys *own;    /* from PEM; NULL: none; constant after start */
	bool are_keys_published; /* constant after start: jwt_keyring_publish will be called */

	pthread_mutex_t mutex;       /* guards `published` */
	struct jwt_keys *published;  /* NULL: none yet */
	_Atomic uint32_t generation; /* goes up with each change of `published` */
	_Atomic bool is_key_missing; /* a token may be signed with a key that is not here */
};

void jwt_keyring_init(struct jwt_keyring *keyring);
/* Takes one that is all zero. No verifier may be left. */
void jwt_keyring_release(struct jwt_keyring *keyring);
/* Replaces the published keys; the reference passes to the keyring. Safe from any thread. */
void jwt_keyring_publish(struct jwt_keyring *keyring, struct jwt_keys *keys);
/* A reference to the published keys, for the caller to release; NULL when there are none. Safe from any thread. */
struct jwt_keys *jwt_keyring_published(struct jwt_keyring *keyring);
