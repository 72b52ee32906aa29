/* callback_signature.c: HMAC-SHA-256 over the time as it was written, a dot, and the body as it came. */
#include "auth/callback_signature.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/digest.h"
#include "base/decimal.h"
#include "base/hex.h"

#define TIME_S_MAX UINT64_C(999999999999)
#define TIME_DIGITS_MAX 12
#define CODE_TEXT_LENGTH (2 * DIGEST_LENGTH)

struct callback_verifier {
	struct hmac secrets[CALLBACK_SECRETS_MAX];
	uint32_t count;
};

struct signature_header {
	struct slice time; /* as written: it is signed */
	uint64_t time_s;
	uint8_t codes[CALLBACK_SIGNATURES_MAX][DIGEST_LENGTH];
	uint32_t count;
};

enum error callback_verifier_new(const struct slice *secrets, uint32_t count, struct callback_verifier **ret_verifier)
{
	assert(count >= 1 && count <= CALLBACK_SECRETS_MAX);
	assert(secrets != NULL && ret_verifier != NULL);

	struct callback_verifier *verifier = calloc(1, sizeof *verifier);
	if (verifier == NULL)
		return ERR_NO_MEMORY;
	for (; verifier->count < count; verifier->count++) {
		enum error error = hmac_init(&verifier->secrets[verifier->count], secrets[verifier->count]);
		if (error != OK) {
			callback_verifier_free(verifier);
			return error;
		}
	}
	*ret_verifier = verifier;
	return OK;
}

void callback_verifier_free(struct callback_verifier *verifier)
{
	if (verifier == NULL)
		return;
	for (uint32_t i = 0; i < verifier->count; i++)
		hmac_release(&verifier->secrets[i]);
	free(verifier);
}

/* False: malformed. Other elements are ignored, so that providers may add some; so are empty ones, as in every list of HTTP (RFC 9110,
 * section 5.6.1). */
static bool read_element(struct slice element, struct signature_header *header)
{
	struct slice value = slice_trim(element);
	struct slice name;
	if (!slice_cut(&value, '=', &name))
		return true;
	bool is_time = slice_equal(name, SLICE("t"));
	bool is_code = slice_equal(name, SLICE("v1"));
	if (is_time && header->time.data == NULL) {
		header->time = value;
		return decimal_parse(value, TIME_S_MAX, &header->time_s);
	}
	if (!is_code)
		return !is_time;
	if (value.length != CODE_TEXT_LENGTH || header->count == CALLBACK_SIGNATURES_MAX)
		return false;
	return hex_decode(value.data, header->codes[header->count++], DIGEST_LENGTH);
}

/* One t and at least one v1, in any order. */
static bool read_header(struct slice text, struct signature_header *header)
{
	header->time = (struct slice){0};
	header->count = 0;
	struct slice rest = text;
	struct slice element;
	while (slice_cut(&rest, ',', &element)) {
		if (!read_element(element, header))
			return false;
	}
	return header->time.data != NULL && header->count > 0;
}

const char *callback_verdict_text(enum callback_verdict verdict)
{
	static const char *const texts[] = {
		[CALLBACK_RIGHT] = "The signature is right.",
		[CALLBACK_MALFORMED] = "TRO-Signature must have one t=<unix seconds> and a v1=<64 hexadecimal digits>.",
		[CALLBACK_TOO_OLD] = "The signature is older than 300 seconds.",
		[CALLBACK_TOO_NEW] = "The signature is more than 300 seconds ahead of the server's clock.",
		[CALLBACK_WRONG] = "No v1 is the HMAC-SHA256 of this time and body under a secret of this server.",
	};
	assert(verdict <= CALLBACK_WRONG);
	return texts[verdict];
}

enum callback_verdict callback_verify(struct callback_verifier *verifier, struct slice header_text, struct slice body, uint64_t now_ms)
{
	assert(verifier != NULL && verifier->count > 0);
	assert(body.data != NULL || body.length == 0);

	struct signature_header header;
	if (!read_header(header_text, &header))
		return CALLBACK_MALFORMED;
	uint64_t now_s = now_ms / 1000;
	if (now_s > header.time_s && now_s - header.time_s > CALLBACK_TOLERANCE_S)
		return CALLBACK_TOO_OLD;
	if (header.time_s > now_s && header.time_s - now_s > CALLBACK_TOLERANCE_S)
		return CALLBACK_TOO_NEW;

	const struct slice signed_text[] = {header.time, SLICE("."), body};
	bool is_right = false;
	for (uint32_t i = 0; i < verifier->count; i++) {
		uint8_t code[DIGEST_LENGTH];
		hmac_compute(&verifier->secrets[i], signed_text, ARRAY_LENGTH(signed_text), code);
		for (uint32_t j = 0; j < header.count; j++)
			is_right |= CRYPTO_memcmp(header.codes[j], code, sizeof code) == 0;
	}
	return is_right ? CALLBACK_RIGHT : CALLBACK_WRONG;
}

enum error callback_sign(struct slice secret, struct slice body, uint64_t now_ms, struct buffer *header)
{
	assert(body.data != NULL || body.length == 0);
	assert(header != NULL);

	struct hmac hmac;
	enum error error = hmac_init(&hmac, secret);
	if (error != OK)
		return error;
	char time_text[TIME_DIGITS_MAX + 1];
	int time_length = snprintf(time_text, sizeof time_text, "%" PRIu64, now_ms / 1000);
	assert(time_length > 0 && time_length <= TIME_DIGITS_MAX);
	const struct slice signed_text[] = {{.data = time_text, .length = (size_t)time_length}, SLICE("."), body};
	uint8_t code[DIGEST_LENGTH];
	hmac_compute(&hmac, signed_text, ARRAY_LENGTH(signed_text), code);
	hmac_release(&hmac);

	char code_text[CODE_TEXT_LENGTH];
	hex_encode(code, sizeof code, code_text);
	buffer_append_format(header, "t=%s,v1=%.*s", time_text, CODE_TEXT_LENGTH, code_text);
	return header->failed ? ERR_NO_MEMORY : OK;
}
