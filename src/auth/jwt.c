/* jwt.c: header, signature, claims, in this order: nothing of the claims is read before they are known to be ours. */
#include "auth/jwt.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

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
	uint64_t leeway_ms;
	struct jwt_keyring *keyring;
	struct hmac hmacs[JWT_SECRETS_MAX]; /* of the keyring's secrets */
	struct jwt_keys *published;         /* the keyring's, as of `generation`; NULL: none */
	uint32_t generation;
	struct jwt_cache cache;
};

struct token_parts {
	struct slice header;
	struct slice payload;
	struct slice signature;
	struct slice covered; /* the signed text: header, dot, payload */
};

static enum error verifier_init(struct jwt_verifier *verifier, const struct jwt_verifier_options *options)
{
	arena_init(&verifier->arena, 256, JWT_TOKEN_LENGTH_MAX);
	verifier->issuer = arena_copy(&verifier->arena, options->issuer);
	verifier->audience = arena_copy(&verifier->arena, options->audience);
	if (verifier->issuer.data == NULL || verifier->audience.data == NULL)
		return ERR_NO_MEMORY;
	verifier->leeway_ms = options->leeway_ms;
	verifier->keyring = options->keyring;
	for (uint32_t i = 0; i < options->keyring->secret_count; i++) {
		enum error error = hmac_init(&verifier->hmacs[i], options->keyring->secrets[i]);
		if (error != OK)
			return error;
	}
	return jwt_cache_init(&verifier->cache, options->cache_capacity, &options->seed);
}

enum error jwt_verifier_new(const struct jwt_verifier_options *options, struct jwt_verifier **ret_verifier)
{
	assert(options != NULL && ret_verifier != NULL);
	assert(options->keyring != NULL && options->keyring->secret_count <= JWT_SECRETS_MAX);

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
	for (uint32_t i = 0; i < JWT_SECRETS_MAX; i++)
		hmac_release(&verifier->hmacs[i]);
	jwt_keys_release(verifier->published);
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

static bool is_signed_with_secret(struct jwt_verifier *verifier, struct slice covered, struct slice signature)
{
	uint8_t code[DIGEST_LENGTH];
	for (uint32_t i = 0; i < verifier->keyring->secret_count; i++) {
		hmac_compute(&verifier->hmacs[i], &covered, 1, code);
		if (signature.length == sizeof code && CRYPTO_memcmp(signature.data, code, sizeof code) == 0)
			return true;
	}
	return false;
}

/* Whether the key may have made a token with this header: because it has the token's kid, or because one of them has no name. */
static bool may_be_signer(const struct jwt_public_key *key, const struct jwt_header *header, bool by_kid)
{
	struct slice kid = {.data = header->kid, .length = header->kid_length};
	if ((key->algorithms & 1U << header->algorithm) == 0)
		return false;
	return by_kid ? kid.length > 0 && slice_equal(kid, jwt_key_kid(key)) : kid.length == 0 || key->kid_length == 0;
}

/* Finds the key of this set that made the signature: those with the token's kid first. Of one set no more than
 * JWT_KEYS_TRIED_MAX are tried, so that nobody makes this expensive. JWT_KEY_UNKNOWN: there was none to try. */
static enum jwt_verdict find_signer(const struct jwt_keys *keys, const struct jwt_header *header, struct slice covered,
                                    struct slice signature, const struct jwt_public_key **ret_key)
{
	enum jwt_verdict verdict = JWT_KEY_UNKNOWN;
	uint32_t tried = 0, count = keys == NULL ? 0 : keys->count;
	for (uint32_t i = 0; i < 2 * count && tried < JWT_KEYS_TRIED_MAX; i++) {
		const struct jwt_public_key *key = &keys->keys[i % count];
		if (!may_be_signer(key, header, i < count))
			continue;
		tried++;
		verdict = jwt_key_verify(key, header->algorithm, covered, signature);
		if (verdict == JWT_OK)
			*ret_key = key;
		if (verdict != JWT_SIGNATURE_WRONG)
			break;
	}
	return verdict;
}

/* Whether the issuer has published the key that the token names. If not, its signature may be that of a key which the issuer has published
 * since, also when it is none of keys without a name, which are tried for every token. */
static bool is_key_named(const struct jwt_keys *published, const struct jwt_header *header)
{
	for (uint32_t i = 0; published != NULL && i < published->count; i++) {
		if (may_be_signer(&published->keys[i], header, true))
			return true;
	}
	return false;
}

static enum jwt_verdict check_signature(struct jwt_verifier *verifier, const struct jwt_header *header, struct slice covered,
                                        struct slice signature, const struct jwt_public_key **ret_key)
{
	struct jwt_keyring *keyring = verifier->keyring;
	*ret_key = NULL;
	if (header->algorithm == JWT_HS256) {
		if (keyring->secret_count == 0)
			return JWT_NOT_SUPPORTED;
		return is_signed_with_secret(verifier, covered, signature) ? JWT_OK : JWT_SIGNATURE_WRONG;
	}
	if (keyring->own == NULL && !keyring->are_keys_published)
		return JWT_NOT_SUPPORTED;
	enum jwt_verdict own = find_signer(keyring->own, header, covered, signature, ret_key);
	if (own == JWT_OK || own == JWT_NO_MEMORY)
		return own;
	enum jwt_verdict published = find_signer(verifier->published, header, covered, signature, ret_key);
	enum jwt_verdict verdict = published == JWT_KEY_UNKNOWN ? own : published;
	bool has_failed = verdict == JWT_KEY_UNKNOWN || verdict == JWT_SIGNATURE_WRONG;
	if (has_failed && keyring->are_keys_published && !is_key_named(verifier->published, header))
		atomic_store(&keyring->is_key_missing, true);
	return verdict;
}

static enum jwt_verdict verify_whole(struct jwt_verifier *verifier, struct slice token, struct jwt_claims *ret_claims,
                                     const struct jwt_public_key **ret_key)
{
	struct token_parts parts;
	struct jwt_header header;
	uint8_t bytes[PART_LENGTH_MAX];
	struct slice content;
	if (!token_split(token, &parts) || base64url_decoded_length(parts.header.length) > JWT_HEADER_LENGTH_MAX ||
	    !decode_part(parts.header, bytes, &content))
		return JWT_MALFORMED;
	enum jwt_verdict verdict = jwt_header_read(content, &header);
	if (verdict != JWT_OK)
		return verdict;
	if (!decode_part(parts.signature, bytes, &content))
		return JWT_MALFORMED;
	verdict = check_signature(verifier, &header, parts.covered, content, ret_key);
	if (verdict != JWT_OK)
		return verdict;
	if (!decode_part(parts.payload, bytes, &content))
		return JWT_MALFORMED;
	return jwt_claims_read(content, verifier->issuer, verifier->audience, ret_claims);
}

static bool has_mark(const struct jwt_keys *keys, const uint8_t mark[static JWT_KEY_MARK_LENGTH])
{
	for (uint32_t i = 0; keys != NULL && i < keys->count; i++) {
		if (memcmp(keys->keys[i].mark, mark, JWT_KEY_MARK_LENGTH) == 0)
			return true;
	}
	return false;
}

/* Whether a remembered token's key is still there. Secrets and own keys do not change. */
static bool is_key_held(const void *context, const uint8_t mark[static JWT_KEY_MARK_LENGTH])
{
	const struct jwt_verifier *verifier = context;
	static const uint8_t secret[JWT_KEY_MARK_LENGTH];
	return memcmp(mark, secret, sizeof secret) == 0 || has_mark(verifier->keyring->own, mark) || has_mark(verifier->published, mark);
}

/* Takes up the keys that were published meanwhile, and forgets the tokens of those that left. */
static void follow_keyring(struct jwt_verifier *verifier)
{
	uint32_t generation = atomic_load(&verifier->keyring->generation);
	if (generation == verifier->generation)
		return;
	jwt_keys_release(verifier->published);
	verifier->published = jwt_keyring_published(verifier->keyring);
	verifier->generation = generation;
	jwt_cache_keep(&verifier->cache, is_key_held, verifier);
}

enum jwt_verdict jwt_verify(struct jwt_verifier *verifier, struct slice token, uint64_t now_ms, struct jwt_claims *ret_claims)
{
	assert(verifier != NULL && ret_claims != NULL);
	assert(token.data != NULL || token.length == 0);

	if (token.length == 0 || token.length > JWT_TOKEN_LENGTH_MAX)
		return JWT_MALFORMED;
	follow_keyring(verifier);
	struct jwt_claims fresh;
	const struct jwt_public_key *key = NULL;
	const struct jwt_claims *claims = jwt_cache_find(&verifier->cache, token);
	if (claims == NULL) {
		enum jwt_verdict verdict = verify_whole(verifier, token, &fresh, &key);
		if (verdict != JWT_OK)
			return verdict;
		claims = &fresh;
	}
	enum jwt_verdict verdict = jwt_claims_check(claims, now_ms, verifier->leeway_ms);
	if (verdict != JWT_OK)
		return verdict;
	if (claims == &fresh) {
		static const uint8_t secret[JWT_KEY_MARK_LENGTH];
		jwt_cache_put(&verifier->cache, token, claims, key == NULL ? secret : key->mark);
	}
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
