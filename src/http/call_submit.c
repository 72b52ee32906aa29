/* call_submit.c: from the call to the service, and from the job's outcome to the answer. */
#include "http/call_submit.h"

#include <assert.h>

#include "http/api.h"
#include "http/entity_tag.h"
#include "http/problem.h"
#include "http/rate_headers.h"
#include "http/refusal.h"
#include "ports/clock.h"

static const char json_type[] = "application/json";

/* The commit stage reads the clock in milliseconds; so do the rate limits, but of the clock that never goes back. */
#define NS_PER_MS 1000000

static void job_done(struct job *job)
{
	http_request_complete(((struct call *)job->context)->request);
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

/* When nothing but the window of the address is full, the wait is that of the address. */
static void note_limited_address(struct http_request *request, const struct admission_request *admission)
{
	bool is_user_full = admission->ret_user.is_limited && admission->ret_user.remaining == 0;
	bool is_service_full = admission->ret_service.is_limited && admission->ret_service.remaining == 0;
	bool is_address_full = admission->ret_address.is_limited && admission->ret_address.remaining == 0;
	if (admission->ret_verdict != ADMISSION_LIMITED || is_user_full || is_service_full || !is_address_full)
		return;
	struct ip_address network = ip_address_client_network(&request->client, api_of(request)->options.client_ipv6_prefix);
	limited_addresses_note(&api_loop_of(request)->limited, &network, admission->now_ms + admission->ret_retry_after_ms);
}

/* Notes the job's time at each stage, for the log. A request that is admitted first has two jobs, one after the other. */
static void note_stages(struct http_request *request, const struct job_way *way)
{
	static const char *const fields[STAGE_COUNT] = {
		[STAGE_ADMISSION] = "admission_ms", [STAGE_COMMIT] = "commit_ms", [STAGE_READ] = "read_ms", [STAGE_CATALOG] = "catalog_ms"};
	static_assert(HTTP_STAGES_MAX >= JOB_STAGES_MAX, "every stage of a job has room");
	assert(way->entered <= way->count);
	for (uint32_t i = 0; i < way->entered && request->stage_count < HTTP_STAGES_MAX; i++) {
		uint64_t left_ns = i + 1 < way->entered ? way->entered_ns[i + 1] : way->ended_ns;
		request->stages[request->stage_count++] =
			(struct http_stage){.field = fields[way->stages[i]], .duration_ns = left_ns - way->entered_ns[i]};
	}
}

static enum http_progress answer(struct http_request *request)
{
	struct call *call = request->state;
	note_stages(request, &call->job.way);
	const struct outcome *outcome = &call->job.outcome;
	const struct api_options *options = &api_of(request)->options;
	if (call->job.kind == JOB_COMMAND && options->decided != NULL)
		options->decided(options->context, call->job.command.kind, outcome);
	if (call->job.kind == JOB_ADMISSION && outcome->error == OK)
		return call->admitted(call);
	rate_headers_add(request, &call->job.admission);
	if (outcome->error == ERR_RATE_LIMITED)
		note_limited_address(request, &call->job.admission);
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
		request->response.etag = entity_tag_of(outcome->body, &request->arena);
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
	call->job.done = job_done;
	request->state = call;
	request->resume = answer;
	service_submit(options->service, &call->job);
	return HTTP_SUSPENDED; /* the job may be done already, and the call gone */
}

enum http_progress call_admit(struct call *call, enum http_progress (*admitted)(struct call *call))
{
	call->job.kind = JOB_ADMISSION;
	call->admitted = admitted;
	return call_submit(call);
}

enum http_progress call_submit_admitted(struct call *call)
{
	struct http_request *request = call->request;
	request->state = call;
	request->resume = answer;
	service_submit_admitted(api_of(request)->options.service, &call->job);
	return HTTP_SUSPENDED;
}

void call_add_headers(struct call *call)
{
	rate_headers_add(call->request, &call->job.admission);
}

enum http_progress call_refuse_admitted(struct call *call, enum error error)
{
	assert(error != OK);
	call->job.outcome = (struct outcome){.error = error};
	call_add_headers(call);
	return refuse(call);
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
