/* token_keys: the configured keys that verify tokens. */
#pragma once

#include "auth/jwt_keyring.h"
#include "base/attributes.h"
#include "config/config.h"
#include "app/readiness.h"
#include "obs/log.h"
#include "runtime/jwks_fetcher.h"

struct token_keys {
	struct jwt_keyring keyring;
	struct jwks_fetcher *fetcher; /* NULL: no keys are published */
};

/* Reads the keys and starts fetching those that are published. The configuration is borrowed. Answers an exit code, with the
 * complaint made; release it either way. */
must_check int token_keys_start(struct token_keys *keys, const struct config *config, struct logger *logger, struct dependency *dependency);
/* Takes one that is all zero. No verifier may be left. */
void token_keys_release(struct token_keys *keys);
/* Adds the state of the published keys, if any are configured: down while no token at all can be verified. Safe from any thread. */
void token_keys_ready(struct token_keys *keys, struct ready_report *report);
