/* call.c: from the request to a job, and from the job's outcome to the answer. */
#include "http/call.h"

#include <assert.h>
#include <stdatomic.h>

#include "auth/idempotency_key.h"
#include "base/hlc.h"
#include "base/utf8.h"
#include "http/api.h"
#include "http/entity_tag.h"
#include "http/problem.h"
#include "http/rate_headers.h"
#include "http/refusal.h"
#include "http/response.h"
#include "ports/clock.h"
#include "ports/random.h"

static const char json_type[] = "application/json";

static void job_done(struct job *job)
{
	http_request_complete(((struct call *)job->context)->request);
}

/* The commit stage reads the clock in milliseconds; so do the rate limits, but of the clock that never goes back. */
#define NS_PER_MS 1000000

/* Whom an address stands for: a household or a server has a whole /64 of IPv6. */
static struct ip_address network_of(const struct ip_address *address)
{
	struct ip_address network = *address;
	if (!ip_address_is_v4(address))
		memset(network.bytes + sizeof network.bytes / 2, 0, sizeof network.bytes / 2);
	return network;
}

static bool is_counted(const struct http_request *request)
{
	return request->route == NULL || !request->route->is_rate_limit_exempt;
}

struct call *call_begin(struct http_request *request, uint16_t success_status)
{
	struct call *call = arena_allocate(&request->arena, sizeof *call);
	char text[IP_ADDRESS_TEXT_MAX + 1];
	struct ip_address network = network_of(&request->client);
	ip_address_format(&network, text);
	struct slice address = arena_copy(&request->arena, slice_of(text));
	if (call == NULL || address.data == NULL) {
		problem_answer(request, ERR_NO_MEMORY, NULL);
		return NULL;
	}
	*call = (struct call){.request = request, .status = success_status};
	call->job.arena = &request->arena;
	call->job.deadline_ns = request->deadline_ns;
	call->job.done = job_done;
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

struct command *call_command(struct call *call, enum command_kind kind)
{
	struct http_request *request = call->request;
	call->job.kind = JOB_COMMAND;
	call->job.command = (struct command){
		.kind = kind,
		.user = request->user,
		.actor = request->user,
		.trace = request->trace,
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
		call->detail = "It must have 16 to 255 printable ASCII characters, bare or as a quoted string.";
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

/* Whose holds and orders are meant. A service counts for the user it acts for, when it says who that is. */
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

bool call_may_reach_all(const struct call *call)
{
	const struct http_request *request = call->request;
	bool is_change = request->method != HTTP_GET && request->method != HTTP_HEAD;
	return (request->scopes & (JWT_SCOPE_SERVICE | JWT_SCOPE_ADMIN | (is_change ? 0 : JWT_SCOPE_READ))) != 0;
}

void call_reach_all(struct call *call)
{
	if (call_may_reach_all(call))
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
	if (!slice_equal(user_id, request->user) && !call_may_reach_all(call))
		return ERR_USER_MISMATCH;
	set_user(call, user_id, false);
	return OK;
}

/* The Location of what was made; false: out of memory. */
static bool add_location(struct call *call)
{
	char id[UUID_TEXT_LENGTH + 1];
	uuid_format(&call->job.outcome.resource_id, id);
	struct slice location = arena_format(&call->request->arena, "%s%s", call->location, id);
	if (location.data != NULL)
		http_response_header(&call->request->response, SLICE("Location"), location);
	return location.data != NULL;
}

static enum http_progress refuse(struct call *call)
{
	refusal_respond(call);
	return HTTP_ANSWERED;
}

static enum http_progress answer(struct http_request *request)
{
	struct call *call = request->state;
	const struct outcome *outcome = &call->job.outcome;
	const struct api_options *options = &api_of(request)->options;
	if (call->job.kind == JOB_COMMAND && options->decided != NULL)
		options->decided(options->context, call->job.command.kind, outcome);
	rate_headers_add(request, &call->job.admission);
	if (outcome->error != OK)
		return refuse(call);
	if (call->location != NULL && !add_location(call)) {
		problem_answer(request, ERR_NO_MEMORY, NULL);
		return HTTP_ANSWERED;
	}
	struct slice body = call->render == NULL ? outcome->body : call->render(call);
	if (call->render != NULL && body.data == NULL) {
		problem_answer(request, ERR_NO_MEMORY, NULL);
		return HTTP_ANSWERED;
	}
	if (outcome->is_replayed && call->job.admission.idempotency.is_present)
		http_response_header(&request->response, SLICE("Idempotency-Replayed"), SLICE("true"));
	http_respond(request, call->status, call->status == 204 ? NULL : json_type, body);
	if (call->cache_control != NULL) {
		request->response.cache_control = call->cache_control;
		request->response.etag = entity_tag_of(body, &request->arena);
	}
	return HTTP_ANSWERED;
}

enum http_progress call_submit(struct call *call)
{
	struct http_request *request = call->request;
	const struct api_options *options = &api_of(request)->options;
	call->job.admission.now_ms = clock_monotonic_ns(options->clock) / NS_PER_MS;
	if (call->job.kind == JOB_COMMAND)
		call->job.admission.idempotency = call->job.command.idempotency;
	request->state = call;
	request->resume = answer;
	service_submit(options->service, &call->job);
	return HTTP_SUSPENDED; /* the job may be done already, and the call gone */
}

enum http_progress call_refuse(struct call *call, enum error error)
{
	assert(error != OK);
	call->job.kind = JOB_REFUSAL;
	call->job.outcome = (struct outcome){.error = error};
	return call_submit(call);
}

enum http_progress call_refuse_request(struct http_request *request, struct http_refusal refusal)
{
	struct call *call = call_begin(request, 0);
	if (call == NULL)
		return HTTP_ANSWERED;
	call->detail = refusal.detail;
	return call_refuse(call, refusal.error);
}
