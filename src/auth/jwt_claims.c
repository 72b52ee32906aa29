/* jwt_claims.c: RFC 7515, section 4 and RFC 7519, section 4: the rules for a header and a claims set. */
#include "auth/jwt_claims.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/time.h"
#include "base/utf8.h"
#include "codec/json_reader.h"

const char *jwt_verdict_text(enum jwt_verdict verdict)
{
	static const char *const texts[] = {
		[JWT_OK] = "The token is good.",
		[JWT_MALFORMED] = "The token is not a JSON Web Token.",
		[JWT_NOT_SUPPORTED] = "The token's header names an algorithm or an extension that is not accepted.",
		[JWT_SIGNATURE_WRONG] = "The token's signature is wrong.",
		[JWT_KEY_UNKNOWN] = "The token's signing key is not known here.",
		[JWT_CLAIMS_INVALID] = "The token's claims exp, nbf, iat, sub, scope or scp are missing or not of their form.",
		[JWT_EXPIRED] = "The token has expired.",
		[JWT_NOT_YET_VALID] = "The token is not valid yet.",
		[JWT_ISSUER_WRONG] = "The token is from another issuer.",
		[JWT_AUDIENCE_WRONG] = "The token is for another audience.",
		[JWT_NO_MEMORY] = "The token could not be verified.",
	};
	assert((size_t)verdict < ARRAY_LENGTH(texts));

	return texts[verdict];
}

static bool read_object(struct slice json, struct json_value *ret_object)
{
	struct json_value value;
	struct json_problem problem;
	if (!json_check(json, &value, &problem) || json_kind(value) != JSON_KIND_OBJECT)
		return false;
	*ret_object = value;
	return true;
}

static bool is_string_of(struct json_value value, struct slice text)
{
	return json_kind(value) == JSON_KIND_STRING && json_string_equal(value, text);
}

/* False when there is one that is not a string of 1 to JWT_KID_LENGTH_MAX bytes. */
static bool read_kid(struct json_value object, struct jwt_header *header)
{
	struct json_value value;
	header->kid_length = 0;
	if (!json_member(object, SLICE("kid"), &value))
		return true;
	if (json_kind(value) != JSON_KIND_STRING || value.text.length > 6 * JWT_KID_LENGTH_MAX + 2)
		return false;
	struct arena arena;
	arena_init(&arena, 8 * JWT_KID_LENGTH_MAX, 8 * JWT_KID_LENGTH_MAX);
	struct slice kid = json_to_string(value, &arena);
	bool is_good = kid.length > 0 && kid.length <= JWT_KID_LENGTH_MAX;
	if (is_good) {
		memcpy(header->kid, kid.data, kid.length);
		header->kid_length = (uint8_t)kid.length;
	}
	arena_release(&arena);
	return is_good;
}

enum jwt_verdict jwt_header_read(struct slice json, struct jwt_header *ret_header)
{
	assert(json.length <= JWT_HEADER_LENGTH_MAX);

	/* Compression, extensions that must be understood, and keys that the token itself brings along. */
	static const char *const refused[] = {"zip", "crit", "b64", "jku", "x5u", "jwk"};

	struct json_value object, value;
	struct jwt_header header;
	if (!read_object(json, &object))
		return JWT_MALFORMED;
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
		if (json_member(object, slice_of(refused[i]), &value))
			return JWT_NOT_SUPPORTED;
	}
	if (!json_member(object, SLICE("alg"), &value) || json_kind(value) != JSON_KIND_STRING)
		return JWT_NOT_SUPPORTED;
	header.algorithm = jwt_algorithm_of((struct slice){.data = value.text.data + 1, .length = value.text.length - 2});
	if (header.algorithm == JWT_ALGORITHM_COUNT || !read_kid(object, &header))
		return JWT_NOT_SUPPORTED;
	*ret_header = header;
	return JWT_OK;
}

/* A NumericDate: whole seconds since 1970. A date past the last that time_format can write becomes that last date. */
static bool read_date(struct json_value value, uint64_t *ret_ms)
{
	int64_t seconds;
	if (json_kind(value) != JSON_KIND_NUMBER || !json_to_integer(value, &seconds))
		return false;
	if (seconds <= 0)
		*ret_ms = 0;
	else if ((uint64_t)seconds >= TIME_MS_MAX / 1000)
		*ret_ms = TIME_MS_MAX;
	else
		*ret_ms = (uint64_t)seconds * 1000;
	return true;
}

uint32_t jwt_scope_bit(struct slice scope)
{
	if (slice_equal(scope, SLICE("tro:admin")))
		return JWT_SCOPE_ADMIN;
	if (slice_equal(scope, SLICE("tro:read")))
		return JWT_SCOPE_READ;
	return slice_equal(scope, SLICE("tro:service")) ? JWT_SCOPE_SERVICE : 0;
}

/* `scope` is a string with blanks between, `scp` a list of strings; both count. False when one is not of its form. */
static bool read_scopes(struct json_value object, struct arena *arena, uint32_t *scopes)
{
	struct json_value value, item;
	if (json_member(object, SLICE("scope"), &value)) {
		if (json_kind(value) != JSON_KIND_STRING)
			return false;
		struct slice rest = json_to_string(value, arena);
		struct slice scope;
		while (slice_cut(&rest, ' ', &scope))
			*scopes |= jwt_scope_bit(scope);
	}
	if (!json_member(object, SLICE("scp"), &value))
		return true;
	if (json_kind(value) != JSON_KIND_ARRAY)
		return false;
	struct json_walk walk = json_walk(value);
	while (json_next_item(&walk, &item)) {
		if (json_kind(item) != JSON_KIND_STRING)
			return false;
		*scopes |= jwt_scope_bit(json_to_string(item, arena));
	}
	return true;
}

/* The claims that are kept. False when one that is required is missing, or one is not of its form. */
static bool read_kept_claims(struct json_value object, struct arena *arena, struct jwt_claims *claims)
{
	struct json_value value;
	if (!json_member(object, SLICE("exp"), &value) || !read_date(value, &claims->expires_at_ms))
		return false;
	if (json_member(object, SLICE("nbf"), &value) && !read_date(value, &claims->not_before_ms))
		return false;

	uint64_t issued_at_ms;
	if (json_member(object, SLICE("iat"), &value) && !read_date(value, &issued_at_ms))
		return false;
	if (!json_member(object, SLICE("sub"), &value) || json_kind(value) != JSON_KIND_STRING)
		return false;
	struct slice user = json_to_string(value, arena);
	if (user.length == 0 || user.length > JWT_USER_LENGTH_MAX || !utf8_is_printable(user))
		return false;
	memcpy(claims->user, user.data, user.length);
	claims->user_length = (uint8_t)user.length;

	return read_scopes(object, arena, &claims->scopes);
}

/* `aud` is one string or an array of them; one that is ours is enough. */
static bool has_audience(struct json_value object, struct slice audience)
{
	struct json_value value, item;
	if (!json_member(object, SLICE("aud"), &value))
		return false;
	if (json_kind(value) != JSON_KIND_ARRAY)
		return is_string_of(value, audience);
	struct json_walk walk = json_walk(value);
	while (json_next_item(&walk, &item)) {
		if (is_string_of(item, audience))
			return true;
	}
	return false;
}

enum jwt_verdict jwt_claims_read(struct slice json, struct slice issuer, struct slice audience, struct jwt_claims *ret_claims)
{
	assert(ret_claims != NULL);

	struct json_value object, value;
	if (!read_object(json, &object))
		return JWT_MALFORMED;

	struct arena arena; /* for strings with escapes, which are rare */
	arena_init(&arena, 1024, 2 * JWT_TOKEN_LENGTH_MAX);
	struct jwt_claims claims = {0};
	bool are_kept = read_kept_claims(object, &arena, &claims);
	arena_release(&arena);

	if (!are_kept)
		return JWT_CLAIMS_INVALID;
	if (issuer.length > 0 && !(json_member(object, SLICE("iss"), &value) && is_string_of(value, issuer)))
		return JWT_ISSUER_WRONG;
	if (audience.length > 0 && !has_audience(object, audience))
		return JWT_AUDIENCE_WRONG;
	*ret_claims = claims;
	return JWT_OK;
}

enum jwt_verdict jwt_claims_check(const struct jwt_claims *claims, uint64_t now_ms, uint64_t leeway_ms)
{
	assert(claims != NULL);

	if (now_ms >= claims->expires_at_ms + leeway_ms)
		return JWT_EXPIRED;
	return now_ms + leeway_ms < claims->not_before_ms ? JWT_NOT_YET_VALID : JWT_OK;
}
