/* callback_signature.h: the payment provider's callbacks are its own: TRO-Signature: t=<unix seconds>,v1=<HMAC-SHA256 of "t.body">.
 *
 * Elements of other names are ignored. One v1 made with one of the secrets is enough, so that either side can change its secret while the
 * other still has the old one. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"

#define CALLBACK_TOLERANCE_S 300
#define CALLBACK_SECRETS_MAX 8
#define CALLBACK_SIGNATURES_MAX 8 /* v1 in one header */

/* The secrets, ready for use. Used by one thread at a time: make one for each event loop. */
struct callback_verifier;

/* Copies the secrets, 1 to CALLBACK_SECRETS_MAX. ERR_NO_MEMORY, ERR_SYSTEM. */
must_check enum error callback_verifier_new(const struct slice *secrets, uint32_t count, struct callback_verifier **ret_verifier);
void callback_verifier_free(struct callback_verifier *verifier);

enum callback_verdict {
	CALLBACK_RIGHT = 0,
	CALLBACK_MALFORMED, /* the header has not one t and one v1 or more, each of its form */
	CALLBACK_TOO_OLD,   /* more than CALLBACK_TOLERANCE_S behind now */
	CALLBACK_TOO_NEW,   /* as much ahead */
	CALLBACK_WRONG,     /* signed with none of the secrets, or something else was */
};

/* A sentence for the 401; static. */
const char *callback_verdict_text(enum callback_verdict verdict);
/* header: the value of TRO-Signature. */
must_check enum callback_verdict callback_verify(struct callback_verifier *verifier, struct slice header, struct slice body,
                                                 uint64_t now_ms);
/* Appends the header's value. ERR_NO_MEMORY, ERR_SYSTEM. */
must_check enum error callback_sign(struct slice secret, struct slice body, uint64_t now_ms, struct buffer *header);
