/* run.c: ties the connections to the phases: when journeys begin, what is measured, and what every answer has in common. */
#include "bench/run.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/answer.h"
#include "bench/clock.h"

uint64_t run_wall_ms(const struct run *run, uint64_t now_ns)
{
	return wall_ms(run->wall_offset_ns, now_ns);
}

bool run_has_failed(const struct run *run)
{
	return run->report->failure[0] != '\0';
}

void run_fail(struct run *run, const char *format, ...)
{
	assert(run != NULL && format != NULL);

	if (!run_has_failed(run)) {
		va_list arguments;
		va_start(arguments, format);
		vsnprintf(run->report->failure, sizeof run->report->failure, format, arguments);
		va_end(arguments);
	}
	client_stop(&run->client);
}

bool run_expect(struct run *run, enum error error)
{
	if (error == ERR_LIMIT)
		run_fail(run, "more holds than one run can remember; make it shorter");
	else if (error == ERR_SYSTEM)
		run_fail(run, "the journal cannot be written: %s", strerror(errno));
	else if (error != OK)
		run_fail(run, "out of memory");
	return error == OK;
}

static bool find_servers(struct run *run)
{
	const char *problem = endpoint_list_resolve(run->options.url, &run->endpoints);
	if (problem != NULL) {
		run_fail(run, "%s: %s", run->options.url, problem);
		return false;
	}
	for (uint32_t i = 0; i < run->endpoints.count; i++) {
		problem = endpoint_probe(&run->endpoints.items[i]);
		if (problem != NULL) {
			run_fail(run, "nothing serves at http://%s: %s", run->endpoints.items[i].host, problem);
			return false;
		}
	}
	run->checker.has_strays = run->endpoints.count > 1;
	return true;
}

static bool open_wire(struct run *run)
{
	const struct wire_options options = {
		.host = slice_of(run->endpoints.items[0].host),
		.jwt_secret = run->options.jwt_secret,
		.jwt_issuer = run->options.jwt_issuer,
		.jwt_audience = run->options.jwt_audience,
		.payment_secret = run->options.payment_secret,
		.users = run->options.users,
		.now_ms = run_wall_ms(run, monotonic_ns()),
	};
	if (wire_init(&run->wire, &options) == OK)
		return true;
	run_fail(run, "the tokens cannot be signed");
	return false;
}

static bool open_client(struct run *run)
{
	const struct client_options options = {
		.endpoints = run->endpoints,
		.connections = run->options.connections,
		.timeout_ms = run->options.timeout_ms,
		.patience_ms = run->options.patience_ms,
	};
	if (client_init(&run->client, &options) == OK)
		return true;
	run_fail(run, "the connections cannot be prepared: %s", strerror(errno));
	return false;
}

static bool open_journal(struct run *run)
{
	if (run->options.journal == NULL)
		return true;
	if (journal_open(&run->journal, run->options.journal, run_wall_ms(run, monotonic_ns())) != OK) {
		run_fail(run, "the journal %s cannot be opened: %s", run->options.journal, strerror(errno));
		return false;
	}
	run->ledger.journal = &run->journal;
	return true;
}

bool run_init(struct run *run, const struct bench_options *options, struct bench_report *report)
{
	assert(run != NULL && options != NULL && report != NULL);

	*run = (struct run){.options = *options, .report = report, .dice = {.state = options->seed}, .wall_offset_ns = wall_offset_ns()};
	run->checker = (struct checker){.ledger = &run->ledger, .violations = &report->violations};
	if (!find_servers(run))
		return false;
	run->recorder = calloc(1, sizeof *run->recorder);
	run->timers = calloc(1, sizeof *run->timers);
	run->journeys = calloc(options->connections, sizeof *run->journeys);
	if (run->recorder == NULL || run->timers == NULL || run->journeys == NULL) {
		run_fail(run, "out of memory");
		return false;
	}
	return open_wire(run) && open_client(run) && open_journal(run);
}

void run_release(struct run *run)
{
	if (run == NULL)
		return;
	checker_release(&run->checker);
	if (run->ledger.journal != NULL)
		journal_close(run->ledger.journal);
	ledger_release(&run->ledger);
	client_release(&run->client);
	wire_release(&run->wire);
	free(run->journeys);
	free(run->recorder);
	free(run->timers);
}

static bool start(void *context, uint32_t connection, uint64_t now_ns, struct buffer *request)
{
	struct run *run = context;
	struct journey *journey = &run->journeys[connection];
	uint64_t intended_ns;
	if (run->is_over || !arrivals_take(&run->arrivals, now_ns, &intended_ns))
		return false;
	if (run->arrivals.rate > 0)
		recorder_add_begun(run->recorder, intended_ns, now_ns);
	*journey = (struct journey){.began_ns = intended_ns, .intended_ns = intended_ns};
	if (!run->phase->start(run, journey, request)) {
		run->is_over = true;
		return false;
	}
	run->next++;
	return run_expect(run, request->failed ? ERR_NO_MEMORY : OK);
}

/* Answers that ask for the same request later: an overload, or the first request with this key is still running. */
static bool asks_to_wait(const struct response *response)
{
	if (!response->has_retry_after)
		return false;
	return response->status == 503 ||
	       (response->status == 409 && slice_equal(answer_problem(response->body), SLICE("idempotency-busy")));
}

static enum client_next answered(void *context, const struct client_answer *answer, struct buffer *request)
{
	struct run *run = context;
	struct journey *journey = &run->journeys[answer->connection];
	const struct response *response = &answer->response;
	if (response->status == 429) {
		run_fail(run, "the server limits the rate; start it with RATE_LIMIT_USER=off and RATE_LIMIT_IP=off");
		return CLIENT_IDLE;
	}
	if (asks_to_wait(response)) {
		recorder_add_repeated(run->recorder, journey->step, response->status, answer->now_ns);
		return CLIENT_LATER;
	}
	recorder_add(run->recorder, journey->step, response->status, journey->intended_ns, answer->now_ns);
	if (!run->phase->answered(run, journey, answer, request) || !run_expect(run, request->failed ? ERR_NO_MEMORY : OK))
		return CLIENT_IDLE;
	journey->intended_ns = answer->now_ns;
	return CLIENT_SEND;
}

static uint64_t due_ns(void *context, uint64_t now_ns)
{
	const struct run *run = context;
	return run->is_over ? UINT64_MAX : arrivals_due_ns(&run->arrivals, now_ns);
}

/* One line a second; on a terminal each over the one before. */
static void show_progress(struct run *run, uint64_t now_ns)
{
	struct recorder *recorder = run->recorder;
	bool is_terminal = isatty(STDERR_FILENO);
	double seconds = (double)(now_ns - run->shown_ns + NS_PER_S) / (double)NS_PER_S;
	fprintf(stderr, "%s%-10s %4.0f s  %8.0f requests/s  p50 %8.2f ms  p99 %8.2f ms  max %8.2f ms  repeated %llu  violations %llu%s",
	        is_terminal ? "\r" : "", run->phase->name, (double)(now_ns - run->phase_ns) / (double)NS_PER_S,
	        (double)recorder->requests / seconds, (double)latency_histogram_quantile(&recorder->current, 500) / 1000,
	        (double)latency_histogram_quantile(&recorder->current, 990) / 1000, (double)recorder->current.maximum / 1000,
	        (unsigned long long)run->client.counts.repeats, (unsigned long long)run->report->violations.count,
	        is_terminal ? "\033[K" : "\n");
}

static void tick(void *context, uint64_t now_ns)
{
	struct run *run = context;
	if (now_ns < run->shown_ns)
		return;
	if (run->options.shows_progress)
		show_progress(run, now_ns);
	run->recorder->requests = 0;
	memset(&run->recorder->current, 0, sizeof run->recorder->current);
	run->shown_ns = now_ns + NS_PER_S;
}

void run_phase(struct run *run, const struct phase *phase, const struct arrivals *arrivals)
{
	assert(run != NULL && phase != NULL);

	if (run_has_failed(run))
		return;
	uint64_t now_ns = monotonic_ns();
	run->phase = phase;
	run->arrivals = arrivals != NULL ? *arrivals : (struct arrivals){.start_ns = now_ns, .end_ns = UINT64_MAX};
	run->is_over = false;
	run->next = 0;
	run->phase_ns = now_ns;
	run->shown_ns = now_ns + NS_PER_S;
	const struct client_handler handler = {.context = run, .start = start, .answered = answered, .due_ns = due_ns, .tick = tick};
	enum client_end end = client_run(&run->client, &handler);
	if (run->options.shows_progress && isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	if (end == CLIENT_OUT_OF_PATIENCE)
		run_fail(run, "a request had no answer, or a connection could not be made, for %llu ms",
		         (unsigned long long)run->client.options.patience_ms);
}
