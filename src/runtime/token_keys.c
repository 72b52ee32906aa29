/* token_keys.c: JWT_SECRET, JWT_PUBLIC_KEY, JWT_PUBLIC_KEY_FILE and JWT_JWKS_URL to one keyring. */
#include "runtime/token_keys.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/terminal.h"

static const char wanted[] = "1 to 8 public keys in PEM: RSA of at least 2048 bits, P-256 or Ed25519";

static int read_pem(struct jwt_keyring *keyring, struct slice pem, const char *name)
{
	switch (jwt_keys_from_pem(pem, &keyring->own)) {
	case OK:
		return EXIT_DONE;
	case ERR_NO_MEMORY:
		return complain("%s cannot be read: out of memory", name);
	default:
		return complain("%s must be %s", name, wanted);
	}
}

static int read_pem_file(struct jwt_keyring *keyring, const char *path)
{
	static char text[JWT_JWKS_LENGTH_MAX];
	int file = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = file < 0 ? -1 : read(file, text, sizeof text);
	int error = errno;
	if (file >= 0)
		close(file);
	if (length < 0)
		return complain("JWT_PUBLIC_KEY_FILE %s cannot be read: %s", path, strerror(error));
	return read_pem(keyring, (struct slice){.data = text, .length = (size_t)length}, "JWT_PUBLIC_KEY_FILE");
}

int token_keys_start(struct token_keys *keys, const struct config *config, struct logger *logger, struct dependency *dependency)
{
	const struct config_auth *auth = &config->auth;
	struct jwt_keyring *keyring = &keys->keyring;
	jwt_keyring_init(keyring);
	static_assert(CONFIG_SECRETS_MAX <= JWT_SECRETS_MAX, "a secret would be left out");
	for (uint32_t i = 0; i < auth->jwt_secrets.count; i++)
		keyring->secrets[keyring->secret_count++] = auth->jwt_secrets.items[i];
	if (auth->jwt_public_key != NULL && auth->jwt_public_key_file != NULL)
		return complain("JWT_PUBLIC_KEY and JWT_PUBLIC_KEY_FILE are both set: set one");
	int code = EXIT_DONE;
	if (auth->jwt_public_key != NULL)
		code = read_pem(keyring, slice_of(auth->jwt_public_key), "JWT_PUBLIC_KEY");
	else if (auth->jwt_public_key_file != NULL)
		code = read_pem_file(keyring, auth->jwt_public_key_file);
	if (code != EXIT_DONE || auth->jwt_jwks_url == NULL)
		return code;
	if (!jwks_url_is_acceptable(auth->jwt_jwks_url))
		return complain("JWT_JWKS_URL must start with https://; http:// is for 127.0.0.1, [::1] and localhost only");
	keyring->are_keys_published = true;
	if (jwks_fetcher_new(auth->jwt_jwks_url, auth->jwt_jwks_ca, keyring, logger, dependency, &keys->fetcher) != OK)
		return complain("the keys of JWT_JWKS_URL cannot be fetched: out of memory or threads");
	return EXIT_DONE;
}

void token_keys_release(struct token_keys *keys)
{
	jwks_fetcher_free(keys->fetcher);
	keys->fetcher = NULL;
	jwt_keyring_release(&keys->keyring);
}

void token_keys_ready(struct token_keys *keys, struct ready_report *report)
{
	static const char *const details[] = {
		[JWKS_AWAITED] = "the key set of JWT_JWKS_URL has not been fetched yet",
		[JWKS_CURRENT] = "",
		[JWKS_FAILING] = "the key set of JWT_JWKS_URL cannot be fetched: the log says why",
	};
	if (keys->fetcher == NULL)
		return;
	struct jwt_keyring *keyring = &keys->keyring;
	enum jwks_state state = jwks_fetcher_state(keys->fetcher);
	struct jwt_keys *published = jwt_keyring_published(keyring);
	bool has_keys = keyring->secret_count > 0 || keyring->own != NULL || published != NULL;
	jwt_keys_release(published);

	assert(report->count < READY_DEPENDENCIES_MAX);
	struct ready_dependency *dependency = &report->dependencies[report->count++];
	*dependency = (struct ready_dependency){.name = "token keys",
	                                        .latency_ms = -1,
	                                        .state = state == JWKS_CURRENT ? READY_UP
	                                                 : has_keys            ? READY_DEGRADED
	                                                                       : READY_DOWN};
	(void)snprintf(dependency->detail, sizeof dependency->detail, "%s", details[state]);
}
