/* jwt_claims.h: the two JSON objects of a token, read strictly. Private to auth. */
#pragma once

#include "auth/jwt.h"
#include "base/attributes.h"
#include "base/slice.h"

/* JWT_OK when the header names that algorithm and asks for nothing that is never granted. */
must_check enum jwt_verdict jwt_header_check(struct slice json, struct slice algorithm);
/* issuer, audience: empty when not checked. *ret_claims is untouched unless JWT_OK; whether they hold now is jwt_claims_check's. */
must_check enum jwt_verdict jwt_claims_read(struct slice json, struct slice issuer, struct slice audience, struct jwt_claims *ret_claims);
/* JWT_OK, JWT_EXPIRED or JWT_NOT_YET_VALID. */
must_check enum jwt_verdict jwt_claims_check(const struct jwt_claims *claims, uint64_t now_ms);
