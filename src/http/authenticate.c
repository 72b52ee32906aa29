/* authenticate.c: the Authorization header to user and scopes. */
#include "http/authenticate.h"

#include <strings.h>

#include "auth/jwt.h"
#include "http/api.h"
#include "ports/clock.h"

static struct http_refusal refuse(enum error error, const char *detail)
{
	return (struct http_refusal){.error = error, .detail = detail};
}

/* The token of "Bearer <token>"; the scheme's case is free (RFC 9110, section 11.1). */
static struct slice bearer_token(struct slice header)
{
	static const char scheme[] = "Bearer ";
	if (header.length < sizeof scheme || strncasecmp(header.data, scheme, sizeof scheme - 1) != 0)
		return (struct slice){0};
	header.data += sizeof scheme - 1;
	header.length -= sizeof scheme - 1;
	while (header.length > 0 && header.data[0] == ' ') {
		header.data++;
		header.length--;
	}
	return header;
}

static struct http_refusal identify_user(struct http_request *request)
{
	enum http_access access = request->route->access;
	struct slice header = http_request_header(request, SLICE("authorization"));
	if (access == HTTP_ACCESS_SIGNED && http_request_header(request, SLICE("tro-signature")).data == NULL)
		return refuse(ERR_SIGNATURE_INVALID, "The TRO-Signature header is missing.");
	if (access == HTTP_ACCESS_SIGNED || (access == HTTP_ACCESS_PUBLIC && (header.data == NULL || request->route->is_rate_limit_exempt)))
		return refuse(OK, NULL);
	if (header.data == NULL)
		return refuse(ERR_UNAUTHENTICATED, "A bearer token is required.");
	struct slice token = bearer_token(header);
	if (token.length == 0)
		return refuse(ERR_UNAUTHENTICATED, "The Authorization header must be \"Bearer\" and a token.");
	struct jwt_claims claims;
	enum jwt_verdict verdict = jwt_verify(api_loop_of(request)->jwt, token, clock_now_ms(api_of(request)->options.clock), &claims);
	if (verdict == JWT_NO_MEMORY)
		return refuse(ERR_NO_MEMORY, NULL);
	if (verdict != JWT_OK)
		return refuse(ERR_UNAUTHENTICATED, jwt_verdict_text(verdict));
	request->user = arena_copy(&request->arena, jwt_user(&claims)); /* also of one who is refused, for the audit and the rates */
	request->scopes = claims.scopes;
	if (request->user.data == NULL)
		return refuse(ERR_NO_MEMORY, NULL);
	if (access == HTTP_ACCESS_ADMIN && (claims.scopes & JWT_SCOPE_ADMIN) == 0)
		return refuse(ERR_FORBIDDEN, "The scope tro:admin is required.");
	bool is_change = request->method != HTTP_GET && request->method != HTTP_HEAD;
	uint32_t serving = JWT_SCOPE_SERVICE | JWT_SCOPE_ADMIN | (is_change ? 0 : JWT_SCOPE_READ);
	if (access == HTTP_ACCESS_SERVICE && (claims.scopes & serving) == 0)
		return refuse(ERR_FORBIDDEN, is_change ? "The scope tro:service or tro:admin is required."
		                                       : "The scope tro:service, tro:admin or tro:read is required.");
	if (is_change && (claims.scopes & (JWT_SCOPE_READ | JWT_SCOPE_SERVICE | JWT_SCOPE_ADMIN)) == JWT_SCOPE_READ)
		return refuse(ERR_FORBIDDEN, "A token with the scope tro:read changes nothing.");
	return refuse(OK, NULL);
}

/* Whether the body of the request, if it has one, would be taken for nothing: admission will refuse it for the rate of its address. */
static bool is_limited_by_address(const struct http_request *request)
{
	if (request->route->is_rate_limit_exempt || request->method == HTTP_GET || request->method == HTTP_HEAD)
		return false;
	struct ip_address network = ip_address_client_network(&request->client, api_of(request)->options.client_ipv6_prefix);
	uint64_t now_ms = clock_monotonic_ns(api_of(request)->options.clock) / 1000000;
	return limited_addresses_has(&api_loop_of(request)->limited, &network, now_ms);
}

struct http_refusal authenticate(struct http_request *request)
{
	struct http_refusal refusal = identify_user(request);
	if (refusal.error == OK && is_limited_by_address(request))
		return refuse(ERR_RATE_LIMITED, NULL);
	return refusal;
}
