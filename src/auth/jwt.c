/* jwt.c: header, signature, claims, in this order: nothing of the claims is read before they are known to be ours. */
#include "auth/jwt.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#include "auth/base64url.h"
#include "auth/digest.h"
#include "auth/jwt_cache.h"
#include "auth/jwt_claims.h"
#include "base/arena.h"
#include "base/json_writer.h"

#define PART_LENGTH_MAX (JWT_TOKEN_LENGTH_MAX / 4 * 3) /* bytes of a decoded part */

struct jwt_verifier {
	struct arena arena; /* the texts below */
	struct slice issuer;
	struct slice audience;
	struct hmac hmac;
	struct jwt_cache cache;
};

struct token_parts {
	struct slice header;
	struct slice payload;
	struct slice signature;
	struct slice covered; /* what is signed: header, dot, payload */
};

const char *jwt_verdict_text(enum jwt_verdict verdict)
{
	static const char *const texts[] = {
		[JWT_OK] = "The token is good",
		[JWT_MALFORMED] = "The token is not a JSON Web Token",
		[JWT_NOT_SUPPORTED] = "The token's header names an algorithm or an extension that is not accepted",
		[JWT_SIGNATURE_WRONG] = "The token's signature is wrong",
		[JWT_CLAIMS_INVALID] = "The token's claims exp, nbf, sub or scope are missing or not of their form",
		[JWT_EXPIRED] = "The token has expired",
		[JWT_NOT_YET_VALID] = "The token is not valid yet",
		[JWT_ISSUER_WRONG] = "The token is from another issuer",
		[JWT_AUDIENCE_WRONG] = "The token is for another audience",
	};
	assert((size_t)verdict < ARRAY_LENGTH(texts));

	return texts[verdict];
}

static enum error verifier_init(struct jwt_verifier *verifier, const struct jwt_verifier_options *options)
{
	arena_init(&verifier->arena, 256, JWT_TOKEN_LENGTH_MAX);
	verifier->issuer = arena_copy(&verifier->arena, options->issuer);
	verifier->audience = arena_copy(&verifier->arena, options->audience);
	if (verifier->issuer.data == NULL || verifier->audience.data == NULL)
		return ERR_NO_MEMORY;
	enum error error = hmac_init(&verifier->hmac, options->key.secret);
	if (error != OK)
		return error;
	return jwt_cache_init(&verifier->cache, options->cache_capacity, &options->seed);
}

enum error jwt_verifier_new(const struct jwt_verifier_options *options, struct jwt_verifier **ret_verifier)
{
	assert(options != NULL && ret_verifier != NULL);
	assert(options->key.algorithm == JWT_HS256);
	assert(options->key.secret.length >= JWT_SECRET_LENGTH_MIN);

	struct jwt_verifier *verifier = calloc(1, sizeof *verifier);
	if (verifier == NULL)
		return ERR_NO_MEMORY;
	enum error error = verifier_init(verifier, options);
	if (error != OK) {
		jwt_verifier_free(verifier);
		return error;
	}
	*ret_verifier = verifier;
	return OK;
}

void jwt_verifier_free(struct jwt_verifier *verifier)
{
	if (verifier == NULL)
		return;
	jwt_cache_release(&verifier->cache);
	hmac_release(&verifier->hmac);
	arena_release(&verifier->arena);
	free(verifier);
}

/* Exactly three parts. */
static bool token_split(struct slice token, struct token_parts *ret_parts)
{
	struct token_parts parts;
	struct slice rest = token;
	if (!slice_cut(&rest, '.', &parts.header) || !slice_cut(&rest, '.', &parts.payload) || !slice_cut(&rest, '.', &parts.signature))
		return false;
	if (rest.data != NULL)
		return false;
	parts.covered = (struct slice){.data = token.data, .length = parts.header.length + 1 + parts.payload.length};
	*ret_parts = parts;
	return true;
}

/* bytes: PART_LENGTH_MAX of them. */
static bool decode_part(struct slice part, uint8_t *bytes, struct slice *ret_content)
{
	size_t length = base64url_decoded_length(part.length);
	assert(length <= PART_LENGTH_MAX);

	if (!base64url_decode(part, bytes))
		return false;
	*ret_content = (struct slice){.data = (const char *)bytes, .length = length};
	return true;
}

static enum jwt_verdict verify_whole(struct jwt_verifier *verifier, struct slice token, struct jwt_claims *ret_claims)
{
	struct token_parts parts;
	uint8_t bytes[PART_LENGTH_MAX];
	struct slice content;
	if (!token_split(token, &parts) || !decode_part(parts.header, bytes, &content))
		return JWT_MALFORMED;
	enum jwt_verdict verdict = jwt_header_check(content, SLICE("HS256"));
	if (verdict != JWT_OK)
		return verdict;

	uint8_t code[DIGEST_LENGTH];
	if (!decode_part(parts.signature, bytes, &content))
		return JWT_MALFORMED;
	hmac_compute(&verifier->hmac, &parts.covered, 1, code);
	if (content.length != sizeof code || CRYPTO_memcmp(content.data, code, sizeof code) != 0)
		return JWT_SIGNATURE_WRONG;

	if (!decode_part(parts.payload, bytes, &content))
		return JWT_MALFORMED;
	return jwt_claims_read(content, verifier->issuer, verifier->audience, ret_claims);
}

enum jwt_verdict jwt_verify(struct jwt_verifier *verifier, struct slice token, uint64_t now_ms, struct jwt_claims *ret_claims)
{
	assert(verifier != NULL && ret_claims != NULL);
	assert(token.data != NULL || token.length == 0);

	if (token.length == 0 || token.length > JWT_TOKEN_LENGTH_MAX)
		return JWT_MALFORMED;
	struct jwt_claims fresh;
	const struct jwt_claims *claims = jwt_cache_find(&verifier->cache, token);
	if (claims == NULL) {
		enum jwt_verdict verdict = verify_whole(verifier, token, &fresh);
		if (verdict != JWT_OK)
			return verdict;
		claims = &fresh;
	}
	enum jwt_verdict verdict = jwt_claims_check(claims, now_ms);
	if (verdict != JWT_OK)
		return verdict;
	if (claims == &fresh)
		jwt_cache_put(&verifier->cache, token, claims);
	*ret_claims = *claims;
	return JWT_OK;
}

static void write_payload(struct buffer *payload, const struct jwt_grant *grant)
{
	struct json_writer writer = json_writer_on(payload);
	json_writer_object_begin(&writer, NULL);
	json_writer_string(&writer, "sub", grant->user);
	if (grant->scope.length > 0)
		json_writer_string(&writer, "scope", grant->scope);
	if (grant->issuer.length > 0)
		json_writer_string(&writer, "iss", grant->issuer);
	if (grant->audience.length > 0)
		json_writer_string(&writer, "aud", grant->audience);
	json_writer_uint(&writer, "iat", grant->issued_at_ms / 1000);
	json_writer_uint(&writer, "exp", grant->expires_at_ms / 1000);
	json_writer_object_end(&writer);
}

enum error jwt_sign(const struct jwt_key *key, const struct jwt_grant *grant, struct buffer *token)
{
	assert(key != NULL && key->algorithm == JWT_HS256 && key->secret.length >= JWT_SECRET_LENGTH_MIN);
	assert(grant != NULL && token != NULL);

	struct buffer payload;
	buffer_init(&payload, NULL, PART_LENGTH_MAX);
	write_payload(&payload, grant);
	size_t start = token->length;
	struct slice header = SLICE("{\"alg\":\"HS256\",\"typ\":\"JWT\"}");
	base64url_append(token, header.data, header.length);
	buffer_append_byte(token, '.');
	base64url_append(token, payload.data, payload.length);
	bool is_too_long = payload.failed;
	buffer_release(&payload);
	if (is_too_long)
		return ERR_LIMIT;
	if (token->failed)
		return ERR_NO_MEMORY;

	struct hmac hmac;
	enum error error = hmac_init(&hmac, key->secret);
	if (error != OK)
		return error;
	uint8_t code[DIGEST_LENGTH];
	struct slice covered = {.data = token->data + start, .length = token->length - start};
	hmac_compute(&hmac, &covered, 1, code);
	hmac_release(&hmac);
	buffer_append_byte(token, '.');
	base64url_append(token, code, sizeof code);
	if (token->failed)
		return ERR_NO_MEMORY;
	return token->length - start > JWT_TOKEN_LENGTH_MAX ? ERR_LIMIT : OK;
}
