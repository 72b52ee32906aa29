/* call.c: from the request to a job. */
#include "http/call.h"

#include <assert.h>
#include <stdatomic.h>

#include "auth/idempotency_key.h"
#include "base/hlc.h"
#include "base/utf8.h"
#include "http/api.h"
#include "http/operators_action.h"
#include "http/problem.h"
#include "ports/clock.h"
#include "ports/random.h"

static bool is_counted(const struct http_request *request)
{
	return request->route == NULL || !request->route->is_rate_limit_exempt;
}

struct call *call_begin(struct http_request *request, uint16_t success_status)
{
	struct call *call = arena_allocate(&request->arena, sizeof *call);
	char text[IP_ADDRESS_TEXT_MAX + 1];
	struct ip_address network = ip_address_client_network(&request->client, api_of(request)->options.client_ipv6_prefix);
	ip_address_format(&network, text);
	struct slice address = arena_copy(&request->arena, slice_of(text));
	if (call == NULL || address.data == NULL) {
		problem_answer(request, ERR_NO_MEMORY, NULL);
		return NULL;
	}
	*call = (struct call){.request = request, .status = success_status};
	call->job.arena = &request->arena;
	call->job.trace = request->trace;
	call->job.trace_state = request->trace_state;
	call->job.deadline_ns = request->deadline_ns;
	call->job.context = call;
	if (is_counted(request)) {
		bool is_service = (request->scopes & JWT_SCOPE_SERVICE) != 0;
		call->job.admission.user = request->user;
		call->job.admission.service = is_service ? request->user : (struct slice){0};
		call->job.admission.address = address;
	}
	json_violations_init(&call->violations, &request->arena);
	return call;
}

/* The address of a client whose command goes to the audit; empty: out of memory. */
static struct slice client_text(struct http_request *request)
{
	char text[IP_ADDRESS_TEXT_MAX + 1];
	ip_address_format(&request->client, text);
	struct slice copy = arena_copy(&request->arena, slice_of(text));
	return copy.data == NULL ? SLICE("unknown") : copy;
}

struct command *call_command(struct call *call, enum command_kind kind)
{
	struct http_request *request = call->request;
	call->job.kind = JOB_COMMAND;
	call->job.command = (struct command){
		.kind = kind,
		.user = request->user,
		.actor = request->user,
		.from = request->route != NULL && http_is_operators_action(request) ? client_text(request) : (struct slice){0},
		.arena = &request->arena,
	};
	return &call->job.command;
}

struct query *call_query(struct call *call, enum query_kind kind)
{
	call->job.kind = JOB_QUERY;
	call->job.query = (struct query){.kind = kind, .user = call->request->user, .limit = QUERY_LIMIT_DEFAULT};
	return &call->job.query;
}

enum error call_read_key(struct call *call)
{
	assert(call->job.kind == JOB_COMMAND);
	struct http_request *request = call->request;
	struct slice header = http_request_header(request, SLICE("idempotency-key"));
	if (header.data == NULL)
		return ERR_IDEMPOTENCY_KEY_MISSING;
	struct idempotency_key key;
	if (!idempotency_key_parse(header, &key)) {
		call->detail = IDEMPOTENCY_KEY_ACCEPTED;
		return ERR_IDEMPOTENCY_KEY_INVALID;
	}
	struct digest *digest = &api_loop_of(request)->digest;
	struct idempotency *idempotency = &call->job.command.idempotency;
	idempotency->is_present = true;
	idempotency_hash(digest, request->user, &key, idempotency->key);
	idempotency_fingerprint(digest, request->method_text, request->path, request->body, idempotency->fingerprint);
	return OK;
}

enum error call_read_optional_key(struct call *call)
{
	enum error error = call_read_key(call);
	return error == ERR_IDEMPOTENCY_KEY_MISSING ? OK : error;
}

bool call_read_id(const struct call *call, struct uuid *ret_id)
{
	return uuid_parse(call->request->parameters[0], ret_id);
}

/* hlc_next for all loops at once. */
static uint64_t draw_stamp(struct api *api)
{
	uint64_t wall = hlc_from_milliseconds(clock_now_ms(api->options.clock));
	uint64_t latest = atomic_load_explicit(&api->latest_stamp, memory_order_relaxed);
	uint64_t next;
	do
		next = wall > latest ? wall : latest + 1;
	while (!atomic_compare_exchange_weak_explicit(&api->latest_stamp, &latest, next, memory_order_relaxed, memory_order_relaxed));
	return next;
}

struct uuid call_draw_id(const struct call *call, uint8_t shard)
{
	struct api *api = api_of(call->request);
	return uuid_v7(draw_stamp(api), random_u64(api->options.random), shard);
}

/* Sets the user whose holds and orders the call is about. A service that names the user it acts for counts as that user. */
static void set_user(struct call *call, struct slice user, bool is_anybody)
{
	struct http_request *request = call->request;
	if (call->job.kind == JOB_COMMAND) {
		call->job.command.user = user;
		call->job.command.is_for_anybody = is_anybody;
	} else {
		call->job.query.user = user;
		call->job.query.is_of_anybody = is_anybody;
	}
	bool is_limited = is_counted(request);
	if (is_limited && (request->scopes & JWT_SCOPE_SERVICE) != 0)
		call->job.admission.user = is_anybody ? (struct slice){0} : user;
}

enum error call_act_for(struct call *call, struct slice user_id)
{
	struct http_request *request = call->request;
	if (user_id.data == NULL || slice_equal(user_id, request->user))
		return OK;
	if ((request->scopes & JWT_SCOPE_SERVICE) == 0)
		return ERR_USER_MISMATCH;
	set_user(call, user_id, false);
	return OK;
}

/* Whether the caller has access to everybody's things. */
static bool may_reach_all(const struct call *call)
{
	const struct http_request *request = call->request;
	bool is_change = request->method != HTTP_GET && request->method != HTTP_HEAD;
	return (request->scopes & (JWT_SCOPE_SERVICE | JWT_SCOPE_ADMIN | (is_change ? 0 : JWT_SCOPE_READ))) != 0;
}

void call_reach_all(struct call *call)
{
	if (may_reach_all(call))
		set_user(call, call->request->user, true);
}

enum error call_read_owner(struct call *call)
{
	struct http_request *request = call->request;
	struct slice user_id;
	enum error error = http_request_query(request, SLICE("user_id"), &user_id);
	if (error != OK)
		return error;
	if (user_id.data == NULL) {
		call_reach_all(call);
		return OK;
	}
	if (user_id.length == 0 || user_id.length > SHORT_TEXT_LENGTH_MAX || !utf8_is_printable(user_id))
		return http_request_query_violation(request, SLICE("user_id"), SLICE("must be text of 1 to 128 bytes"));
	if (!slice_equal(user_id, request->user) && !may_reach_all(call))
		return ERR_USER_MISMATCH;
	set_user(call, user_id, false);
	return OK;
}
