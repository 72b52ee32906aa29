/* fuzz_callback_signature.c: any bytes as "header LF body"; and the body with a signature of ours. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "auth/callback_signature.h"

#define NOW_MS UINT64_C(1767323045000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct slice secrets[] = {
	{.data = "0123456789abcdef0123456789abcdef", .length = 32},
	{.data = "fedcba9876543210fedcba9876543210", .length = 32},
};

static struct callback_verifier *new_verifier(void)
{
	struct callback_verifier *verifier;
	if (callback_verifier_new(secrets, ARRAY_LENGTH(secrets), &verifier) != OK)
		abort();
	return verifier;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct callback_verifier *verifier;
	if (verifier == NULL)
		verifier = new_verifier();
	struct slice body = {.data = (const char *)data, .length = size};
	struct slice header;
	if (!slice_cut(&body, '\n', &header))
		return 0;
	assert(callback_verify(verifier, header, body, NOW_MS) != CALLBACK_RIGHT); /* nobody guesses a code */

	struct buffer signed_header;
	buffer_init(&signed_header, NULL, 4096);
	if (callback_sign(secrets[size % 2], body, NOW_MS, &signed_header) != OK)
		abort();
	assert(callback_verify(verifier, buffer_slice(&signed_header), body, NOW_MS) == CALLBACK_RIGHT);
	assert(callback_verify(verifier, buffer_slice(&signed_header), body, NOW_MS + (CALLBACK_TOLERANCE_S + 1) * 1000) ==
	       CALLBACK_TOO_OLD);
	buffer_release(&signed_header);
	return 0;
}
