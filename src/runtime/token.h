/* token.h: signs tokens with the configured secret, for development and for operators. */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include "config/config.h"

/* Appends a token with the configured issuer and audience, valid from now on. scope: blanks between; empty: none. ERR_FORBIDDEN: there is
 * no secret, tokens are made by the holder of the private key; or what jwt_sign answers. */
must_check enum error token_make(const struct config *config, struct slice user, struct slice scope, uint64_t ttl_ms, struct buffer *token);
