/* jwt_keyring.c: the mutex is taken only when the published keys change. */
#include "auth/jwt_keyring.h"

#include <assert.h>
#include <stdatomic.h>

void jwt_keyring_init(struct jwt_keyring *keyring)
{
	*keyring = (struct jwt_keyring){.mutex = PTHREAD_MUTEX_INITIALIZER};
}

void jwt_keyring_release(struct jwt_keyring *keyring)
{
	jwt_keys_release(keyring->own);
	jwt_keys_release(keyring->published);
	jwt_keyring_init(keyring);
}

void jwt_keyring_publish(struct jwt_keyring *keyring, struct jwt_keys *keys)
{
	assert(keys != NULL && keyring->are_keys_published);

	pthread_mutex_lock(&keyring->mutex);
	struct jwt_keys *before = keyring->published;
	keyring->published = keys;
	pthread_mutex_unlock(&keyring->mutex);
	atomic_fetch_add(&keyring->generation, 1);
	jwt_keys_release(before);
}

struct jwt_keys *jwt_keyring_published(struct jwt_keyring *keyring)
{
	pthread_mutex_lock(&keyring->mutex);
	struct jwt_keys *keys = keyring->published == NULL ? NULL : jwt_keys_retain(keyring->published);
	pthread_mutex_unlock(&keyring->mutex);
	return keys;
}
