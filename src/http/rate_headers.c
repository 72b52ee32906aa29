/* rate_headers.c: writes the RateLimit headers. */
#include "http/rate_headers.h"

#include <assert.h>

#include "base/buffer.h"
#include "http/response.h"

#define RATE_HEADER_MAX 128

static void append_policy(struct buffer *buffer, const char *name, const struct admission_quota *quota)
{
	if (!quota->is_limited)
		return;
	buffer_append_format(buffer, "%s\"%s\";q=%u;w=%u", buffer->length == 0 ? "" : ", ", name, quota->quota, quota->window_s);
}

static void append_state(struct buffer *buffer, const char *name, const struct admission_quota *quota)
{
	if (!quota->is_limited)
		return;
	buffer_append_format(buffer, "%s\"%s\";r=%u;t=%u", buffer->length == 0 ? "" : ", ", name, quota->remaining, quota->reset_s);
}

void rate_headers_add(struct http_request *request, const struct admission_request *admission)
{
	assert(request != NULL && admission != NULL);
	if (!admission->ret_user.is_limited && !admission->ret_service.is_limited && !admission->ret_address.is_limited)
		return;
	struct buffer policy, state;
	buffer_init(&policy, &request->arena, RATE_HEADER_MAX);
	buffer_init(&state, &request->arena, RATE_HEADER_MAX);
	append_policy(&policy, "user", &admission->ret_user);
	append_policy(&policy, "service", &admission->ret_service);
	append_policy(&policy, "ip", &admission->ret_address);
	append_state(&state, "user", &admission->ret_user);
	append_state(&state, "service", &admission->ret_service);
	append_state(&state, "ip", &admission->ret_address);
	if (policy.failed || state.failed)
		return; /* an answer without them is better than none */
	http_response_header(&request->response, SLICE("RateLimit-Policy"), buffer_slice(&policy));
	http_response_header(&request->response, SLICE("RateLimit"), buffer_slice(&state));
}
