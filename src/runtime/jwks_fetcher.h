/* jwks_fetcher: fetches the key set that an issuer publishes (JWT_JWKS_URL) on a thread of its own, and publishes it in the keyring.
 *
 * Every 5 minutes; when a token names an unknown key, after 10 seconds, and when a fetch failed, after 5 to 10. While fetches fail the
 * old keys stay. */
#pragma once

#include "auth/jwt_keyring.h"
#include "base/attributes.h"
#include "base/error.h"
#include "obs/log.h"
#include "pipeline/dependency.h"

struct jwks_fetcher;

/* Whether the URL may be fetched: https, or http to a loopback address or localhost. */
must_check bool jwks_url_is_acceptable(const char *url);

enum jwks_state {
	JWKS_AWAITED, /* the first fetch is under way */
	JWKS_CURRENT,
	JWKS_FAILING, /* the last fetch failed */
};

/* Starts the thread, whose first step is to fetch; does not wait for it. Call it before other threads run. Everything is borrowed until
 * it is freed. ERR_NO_MEMORY, ERR_SYSTEM. */
must_check enum error jwks_fetcher_new(const char *url, const char *authorities, struct jwt_keyring *keyring, struct logger *logger,
                                       struct dependency *dependency, struct jwks_fetcher **ret_fetcher);
/* Safe from any thread. */
enum jwks_state jwks_fetcher_state(const struct jwks_fetcher *fetcher);
/* Breaks off a fetch, joins the thread. Takes NULL. */
void jwks_fetcher_free(struct jwks_fetcher *fetcher);
