/* jwt_claims.h: the two JSON objects of a token, read strictly. Private to auth. */
#pragma once

#include "auth/jwt.h"
#include "base/attributes.h"
#include "base/slice.h"

struct jwt_header {
	enum jwt_algorithm algorithm;
	uint8_t kid_length; /* 0: none */
	char kid[JWT_KID_LENGTH_MAX];
};

/* JWT_OK when the header names an algorithm that is served and asks for nothing that is never granted; else *ret_header is untouched. */
must_check enum jwt_verdict jwt_header_read(struct slice json, struct jwt_header *ret_header);
/* issuer, audience: empty when not checked. *ret_claims is untouched unless JWT_OK; whether they hold now is jwt_claims_check's. */
must_check enum jwt_verdict jwt_claims_read(struct slice json, struct slice issuer, struct slice audience, struct jwt_claims *ret_claims);
/* JWT_OK, JWT_EXPIRED or JWT_NOT_YET_VALID. */
must_check enum jwt_verdict jwt_claims_check(const struct jwt_claims *claims, uint64_t now_ms, uint64_t leeway_ms);
