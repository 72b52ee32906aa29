/* command_token.c: `tro token`: a bearer token, for development and for operators. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auth/jwt.h"
#include "base/time.h"
#include "runtime/commands.h"
#include "runtime/flags.h"
#include "runtime/secrets.h"
#include "runtime/terminal.h"

#define TTL_DEFAULT_MS (60 * 60 * 1000)

static int print_token(const struct config *config, struct jwt_grant *grant, uint64_t ttl_ms)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	grant->issued_at_ms = (uint64_t)now.tv_sec * 1000;
	grant->expires_at_ms = grant->issued_at_ms + ttl_ms;
	grant->issuer = config->auth.jwt_issuer;
	grant->audience = config->auth.jwt_audience;
	const struct jwt_key key = {.algorithm = JWT_HS256, .secret = config->auth.jwt_secrets.items[0]};
	struct buffer token;
	buffer_init(&token, NULL, JWT_TOKEN_LENGTH_MAX + 1);
	enum error error = jwt_sign(&key, grant, &token);
	if (error == OK)
		printf("%.*s\n", SLICE_PRINT(buffer_slice(&token)));
	buffer_release(&token);
	return error == OK ? EXIT_DONE : complain("the token cannot be made: user and scope are too long");
}

int run_token(const struct invocation *invocation)
{
	const char *user = NULL, *scope = NULL, *ttl = NULL;
	const struct flag flags[] = {
		{.name = "--user", .value = &user}, {.name = "--scope", .value = &scope}, {.name = "--ttl", .value = &ttl}};
	uint64_t ttl_ms = TTL_DEFAULT_MS;
	int code = flags_read("token", invocation, flags, ARRAY_LENGTH(flags), NULL, 0);
	if (code != EXIT_DONE)
		return code;
	if (user == NULL || *user == '\0')
		return complain_usage("token", "--user is required");
	if (strlen(user) > JWT_USER_LENGTH_MAX)
		return complain_usage("token", "--user is longer than %d bytes", JWT_USER_LENGTH_MAX);
	if (ttl != NULL && (!duration_parse(slice_of(ttl), &ttl_ms) || ttl_ms < 1000))
		return complain_usage("token", "--ttl '%s' is not a duration of at least a second, such as 30m or 8h", ttl);
	code = secrets_need(invocation);
	if (code != EXIT_DONE)
		return code;
	if (invocation->config->auth.jwt_secrets.count == 0)
		return complain("JWT_SECRET is not set: tokens come from whoever has the private key");
	struct jwt_grant grant = {.user = slice_of(user), .scope = slice_of(scope)};
	return print_token(invocation->config, &grant, ttl_ms);
}
