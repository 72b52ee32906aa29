/* command_token.c: `tro token`: a bearer token, for development and for operators. */
#include <stdio.h>
#include <string.h>

#include "auth/jwt.h"
#include "base/time.h"
#include "runtime/commands.h"
#include "runtime/flags.h"
#include "runtime/secrets.h"
#include "runtime/terminal.h"
#include "runtime/token.h"

#define TTL_DEFAULT_MS (60 * 60 * 1000)

/* A misspelt scope would be refused by nobody, and grant nothing. */
static int check_scopes(const char *scopes)
{
	struct slice rest = slice_of(scopes), scope;
	while (slice_cut(&rest, ' ', &scope))
		if (scope.length > 0 && jwt_scope_bit(scope) == 0)
			return complain_usage("token", "--scope has '%.*s', which is none; there are " JWT_SCOPES, SLICE_PRINT(scope));
	return EXIT_DONE;
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
	code = check_scopes(scope);
	if (code != EXIT_DONE)
		return code;
	if (ttl != NULL && (!duration_parse(slice_of(ttl), &ttl_ms) || ttl_ms < 1000))
		return complain_usage("token", "--ttl '%s' is not a duration of at least a second, such as 30m or 8h", ttl);
	code = secrets_need(invocation);
	if (code != EXIT_DONE)
		return code;
	struct buffer token;
	buffer_init(&token, invocation->arena, JWT_TOKEN_LENGTH_MAX + 1);
	enum error error = token_make(invocation->config, slice_of(user), slice_of(scope), ttl_ms, &token);
	if (error == ERR_FORBIDDEN)
		return complain("JWT_SECRET is not set: tokens are made by the holder of the private key");
	if (error != OK)
		return complain("the token cannot be made: user and scope are too long");
	printf("%.*s\n", SLICE_PRINT(buffer_slice(&token)));
	return EXIT_DONE;
}
