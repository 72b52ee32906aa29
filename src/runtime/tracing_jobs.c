/* tracing_jobs.c: requests, and the stages of their way, as spans. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/command_names.h"
#include "runtime/tracing.h"
#include "runtime/tracing_inside.h"

/* Two for each stage, the job itself when it begins the trace, and nothing else. */
#define JOB_SPANS_MAX (2 * JOB_STAGES_MAX + 1)

/* The numbers from which the ids of a request's child spans are computed; app/batch_trace.h has ids of its own. */
enum { CHILD_WAIT = 1, CHILD_WORK = 2, CHILDREN_OF_STAGE = 2, CHILD_FETCH = 64 };

struct job_spans {
	const struct tracing *tracing;
	const struct job *job;
	struct span spans[JOB_SPANS_MAX];
	uint32_t count;
};

static void note_error(struct span *span, enum error error)
{
	if (error == OK || error_status(error) < 500)
		return;
	span->is_error = true;
	span_add_word(span, "error.type", error_slug(error));
}

static const char *method_of(struct slice method)
{
	static const char *const known[] = {"GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "PATCH"};
	for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
		if (slice_equal_string(method, known[i]))
			return known[i];
	return "_OTHER";
}

void tracing_request(struct tracing *tracing, const struct http_request_summary *summary)
{
	if (!trace_is_sampled(summary->trace))
		return;
	struct span span;
	char client[IP_ADDRESS_TEXT_MAX + 1];
	const char *method = method_of(summary->method);
	ip_address_format(&summary->client, client);
	span_init(&span, summary->trace, SPAN_SERVER, NULL, summary->received_ns, summary->received_ns + summary->duration_ns);
	span_name(&span, slice_of(*method == '_' ? "HTTP" : method), slice_of(summary->route));
	span_add_word(&span, "http.request.method", method);
	span_add_int(&span, "http.response.status_code", summary->status);
	span_add_word(&span, "url.scheme", summary->is_encrypted ? "https" : "http");
	span_add_text(&span, "url.path", summary->path);
	if (summary->route != NULL)
		span_add_word(&span, "http.route", summary->route);
	span_add_text(&span, "client.address", slice_of(client));
	span_add_bool(&span, "tro.delivered", summary->is_delivered);
	if (summary->error != OK)
		span_add_word(&span, "tro.reason", error_slug(summary->error));
	note_error(&span, summary->error != OK ? summary->error : summary->status >= 500 ? ERR_INTERNAL : OK);
	span_set_trace_state(&span, summary->trace_state);
	tracer_record(tracing->tracer, &span);
}

/* The next of the job's spans, in the span of the job. */
static struct span *next_span(struct job_spans *made, uint64_t child, enum span_kind kind, const char *name, uint64_t began_ns,
                              uint64_t ended_ns)
{
	assert(made->count < JOB_SPANS_MAX);
	struct span *span = &made->spans[made->count++];
	struct trace_context context = trace_context_numbered_child(&made->job->trace, child);
	span_init(span, &context, kind, name, began_ns, ended_ns);
	return span;
}

static const char *collection_of(const struct query *query)
{
	switch (query->kind) {
	case QUERY_HOLD:
		return "holds";
	case QUERY_ORDER:
		return "orders";
	case QUERY_HOLD_HISTORY:
	case QUERY_ORDER_HISTORY:
		return "events";
	case QUERY_REFUNDS:
		return "refunds";
	case QUERY_SEATS:
	case QUERY_AVAILABILITY:
		return "seats";
	case QUERY_EVENTS:
	case QUERY_EVENT:
		return "catalog";
	}
	return "";
}

static void describe_query(struct span *span, const struct trace_place *place, const char *operation, const char *collection)
{
	span_name(span, slice_of(operation), slice_of(collection));
	span_add_word(span, "db.system.name", place->system);
	span_add_word(span, "db.operation.name", operation);
	span_add_word(span, "db.collection.name", collection);
	if (place->namespace != NULL)
		span_add_word(span, "db.namespace", place->namespace);
	trace_place_add_server(place, span);
}

static const char *verdict_of(const struct job *job)
{
	switch (job->admission.ret_verdict) {
	case ADMISSION_GO:
		return "go";
	case ADMISSION_LIMITED:
		return "limited";
	case ADMISSION_BUSY:
		return "key_in_use";
	case ADMISSION_MISMATCH:
		return "mismatch";
	}
	abort();
}

static void add_work(struct job_spans *made, enum job_stage stage, uint64_t child, uint64_t began_ns, uint64_t ended_ns)
{
	const struct job *job = made->job;
	struct span *span;
	switch (stage) {
	case STAGE_ADMISSION:
		span = next_span(made, child, SPAN_INTERNAL, "admission", began_ns, ended_ns);
		span_add_word(span, "tro.admission.scope", job->admission.ret_is_shared ? "shared" : "process");
		span_add_word(span, "tro.admission.verdict", verdict_of(job));
		break;
	case STAGE_COMMIT:
		span = next_span(made, child, SPAN_INTERNAL, "commit", began_ns, ended_ns);
		span_add_word(span, "tro.command", command_names[job->command.kind]);
		if (trace_is_sampled(&job->batch))
			span->link = span_link_to(&job->batch);
		break;
	case STAGE_READ:
		span = next_span(made, child, SPAN_CLIENT, NULL, began_ns, ended_ns);
		describe_query(span, &made->tracing->store, "SELECT", collection_of(&job->query));
		break;
	default:
		assert(stage == STAGE_CATALOG);
		span = next_span(made, child, SPAN_INTERNAL, "catalog", began_ns, ended_ns);
		break;
	}
}

static const char *wait_name(enum job_stage stage)
{
	static const char *const names[STAGE_COUNT] = {[STAGE_ADMISSION] = "admission wait",
	                                               [STAGE_COMMIT] = "commit wait",
	                                               [STAGE_READ] = "read wait",
	                                               [STAGE_CATALOG] = "catalog wait"};
	assert(stage < STAGE_COUNT);
	return names[stage];
}

/* A job that no lane has taken waited until it was answered; admission in this process, and kept pages, wait for nothing. */
static void add_stage(struct job_spans *made, uint32_t i, uint64_t left_ns)
{
	const struct job_way *way = &made->job->way;
	enum job_stage stage = way->stages[i];
	uint64_t entered_ns = way->entered_ns[i], taken_ns = way->taken_ns[i];
	bool has_queue = stage == STAGE_COMMIT || stage == STAGE_READ;
	uint64_t child = i * CHILDREN_OF_STAGE;
	if (taken_ns != 0 || has_queue)
		(void)next_span(made, child + CHILD_WAIT, SPAN_INTERNAL, wait_name(stage), entered_ns, taken_ns != 0 ? taken_ns : left_ns);
	if (taken_ns != 0 || !has_queue)
		add_work(made, stage, child + CHILD_WORK, taken_ns != 0 ? taken_ns : entered_ns, left_ns);
}

void tracing_job(struct tracing *tracing, const struct job *job)
{
	if (!trace_is_sampled(&job->trace))
		return;
	const struct job_way *way = &job->way;
	struct job_spans made; /* large, and its count says what of it counts */
	made.tracing = tracing;
	made.job = job;
	made.count = 0;
	for (uint32_t i = 0; i < way->entered; i++)
		add_stage(&made, i, i + 1 < way->entered ? way->entered_ns[i + 1] : way->ended_ns);
	assert(made.count > 0 && job->outcome.error < ERROR_COUNT);
	note_error(&made.spans[made.count - 1], job->outcome.error);
	if (job->begins_trace) {
		struct span *span = &made.spans[made.count++];
		span_init(span, &job->trace, SPAN_INTERNAL, command_names[job->command.kind], way->entered_ns[0], way->ended_ns);
		note_error(span, job->outcome.error);
	}
	for (uint32_t i = 0; i < made.count; i++)
		span_set_trace_state(&made.spans[i], job->trace_state);
	tracer_record_all(tracing->tracer, made.spans, made.count);
}

void tracing_fetch(void *context, const struct job *fetch, uint64_t began_ns, uint64_t ended_ns, bool is_down)
{
	struct tracing *tracing = context;
	if (!trace_is_sampled(&fetch->trace))
		return;
	struct span span;
	struct trace_context own = trace_context_numbered_child(&fetch->trace, CHILD_FETCH);
	bool is_document = strcmp(tracing->catalog.system, "mongodb") == 0;
	span_init(&span, &own, SPAN_CLIENT, NULL, began_ns, ended_ns);
	describe_query(&span, &tracing->catalog, is_document ? "find" : "SELECT", "catalog");
	note_error(&span, is_down ? ERR_CATALOG_UNAVAILABLE : OK);
	tracer_record(tracing->tracer, &span);
}
