/* token.c: see token.h. */
#include "runtime/token.h"

#include <assert.h>

#include "auth/jwt.h"
#include "base/now.h"

enum error token_make(const struct config *config, struct slice user, struct slice scope, uint64_t ttl_ms, struct buffer *token)
{
	assert(config != NULL && user.length > 0 && token != NULL);
	const struct config_auth *auth = &config->auth;
	uint64_t now_ms = wall_now_ms() / 1000 * 1000;
	if (auth->jwt_secrets.count == 0)
		return ERR_FORBIDDEN;
	const struct jwt_key key = {.algorithm = JWT_HS256, .secret = auth->jwt_secrets.items[0]};
	const struct jwt_grant grant = {
		.user = user,
		.scope = scope,
		.issuer = auth->jwt_issuer,
		.audience = auth->jwt_audience,
		.issued_at_ms = now_ms,
		.expires_at_ms = now_ms + ttl_ms,
	};
	return jwt_sign(&key, &grant, token);
}
