/* bench.c: a run from its events to its check, and the check of a journal. */
#include "bench/bench.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "bench/answer.h"
#include "bench/check.h"
#include "bench/clock.h"
#include "bench/idle.h"
#include "bench/journal_read.h"
#include "bench/run.h"
#include "bench/scenario.h"
#include "bench/seat_plan.h"

#define SEATS_PER_EVENT 50000 /* when the scenario needs many */
#define EVENTS_MAX 10000
/* Putting a million seats on sale may take a while, and must not be repeated because of that. */
#define SETUP_TIMEOUT_MS 120000
#define SPARE_FILES 64

bool bench_passed(const struct bench_report *report)
{
	assert(report != NULL);
	return report->failure[0] == '\0' && report->violations.count == 0;
}

void bench_report_release(struct bench_report *report)
{
	if (report != NULL)
		violations_release(&report->violations);
}

/* The process may have as many files open as the system lets it. */
static void allow_files(uint64_t count)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= count + SPARE_FILES)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* if the limit stays too low, opening the connections says so */
}

static uint64_t divide_up(uint64_t number, uint64_t by)
{
	assert(by > 0);
	return (number + by - 1) / by;
}

/* Chooses the number of events and of their seats, unless the caller has. */
static void size_events(struct bench_options *options, const struct scenario *scenario)
{
	if (scenario->journeys_per_second == 0) {
		options->events = options->events > 0 ? options->events : scenario->events;
		options->seats = options->seats > 0 ? options->seats : scenario->seats;
	} else {
		uint64_t per_second = options->rate > 0 ? options->rate : scenario->journeys_per_second;
		uint64_t journeys = divide_up((options->warm_up_ms + options->duration_ms) * per_second, 1000) + options->connections;
		if (options->requests > 0 && options->requests < journeys)
			journeys = options->requests;
		uint64_t needed = journeys * options->seats_per_hold;
		if (options->seats == 0) {
			uint64_t seats = options->events > 0        ? divide_up(needed, options->events)
			                 : needed < SEATS_PER_EVENT ? needed
			                                            : SEATS_PER_EVENT;
			options->seats = (uint32_t)(seats < SEAT_PLAN_SEATS_MAX ? seats : SEAT_PLAN_SEATS_MAX);
		}
		if (options->events == 0) {
			uint64_t events = divide_up(needed, options->seats);
			options->events = (uint32_t)(events < EVENTS_MAX ? events : EVENTS_MAX);
		}
	}
	if (options->seats < options->seats_per_hold)
		options->seats = options->seats_per_hold;
	options->seats = seat_plan_round(options->seats);
}

static bool events_start(struct run *run, struct journey *journey, struct buffer *request)
{
	if (run->next >= run->options.events)
		return false;
	journey->step = STEP_EVENT;
	wire_event_create(&run->wire, run->options.seats, run_wall_ms(run, monotonic_ns()), request);
	return true;
}

static bool events_answered(struct run *run, struct journey *journey, const struct client_answer *answer, struct buffer *request)
{
	(void)journey;
	(void)request;
	struct uuid event_id;
	if (answer->response.status == 201 && answer_read_event(answer->response.body, &event_id))
		run_expect(run, ledger_add_event(&run->ledger, &event_id, run->options.seats));
	else
		run_fail(run, "the event cannot be created: POST /v1/events answered %u %.*s", answer->response.status,
		         SLICE_PRINT(answer->response.body));
	return false;
}

static const struct phase phase_events = {.name = "events", .start = events_start, .answered = events_answered};

static void prepare(struct run *run, const struct scenario *scenario)
{
	run->client.options.timeout_ms = SETUP_TIMEOUT_MS;
	run->client.options.patience_ms = SETUP_TIMEOUT_MS;
	run_phase(run, &phase_events, NULL);
	run->client.options.timeout_ms = run->options.timeout_ms;
	run->client.options.patience_ms = run->options.patience_ms;
	if (scenario->prepares != NULL)
		run_phase(run, scenario->prepares, NULL);
}

/* Seconds of a processor that this process has taken. */
static double processor_seconds(void)
{
	return (double)clock_read_ns(CLOCK_PROCESS_CPUTIME_ID) / (double)NS_PER_S;
}

/* False: the step was never answered, and is not in the report. */
static bool report_step(struct run *run, enum step step)
{
	struct bench_report *report = run->report;
	const struct step_record *record = &run->recorder->steps[step];
	if (record->answered == 0 && record->latencies.count == 0)
		return false;
	struct bench_step *summary = &report->steps[report->step_count++];
	*summary = (struct bench_step){
		.name = step_name(step),
		.count = record->answered,
		.per_second = (double)record->answered / report->seconds,
		.p50_us = latency_histogram_quantile(&record->latencies, 500),
		.p90_us = latency_histogram_quantile(&record->latencies, 900),
		.p99_us = latency_histogram_quantile(&record->latencies, 990),
		.p999_us = latency_histogram_quantile(&record->latencies, 999),
		.maximum_us = record->latencies.maximum,
	};
	for (uint16_t status = 0; status < STATUS_COUNT && summary->status_count < BENCH_STATUSES_MAX && step != STEP_FLOW; status++) {
		if (record->statuses[status] == 0)
			continue;
		summary->statuses[summary->status_count].status = status;
		summary->statuses[summary->status_count++].count = record->statuses[status];
	}
	if (step != STEP_FLOW)
		report->requests_per_second += summary->per_second;
	return true;
}

/* The phase, while the machine's timers are watched. Answers when it ended. */
static uint64_t run_watched(struct run *run, const struct phase *phase, const struct arrivals *arrivals)
{
	struct bench_report *report = run->report;
	struct timers *timers = run->timers;
	bool is_watched = timers_start(timers) == OK;
	run_phase(run, phase, arrivals);
	uint64_t end_ns = monotonic_ns();
	if (is_watched)
		timers_stop(timers);
	report->timer_p99_us = latency_histogram_quantile(&timers->late, 990);
	report->timer_maximum_us = timers->late.maximum;
	report->begun_p99_us = latency_histogram_quantile(&run->recorder->begun, 990);
	report->begun_maximum_us = run->recorder->begun.maximum;
	return end_ns;
}

static void measure(struct run *run, const struct scenario *scenario)
{
	if (run_has_failed(run))
		return;
	struct bench_report *report = run->report;
	uint64_t warm_up_ms = run->options.requests > 0 ? 0 : run->options.warm_up_ms;
	uint64_t start_ns = monotonic_ns();
	uint64_t from_ns = start_ns + warm_up_ms * NS_PER_MS;
	const struct arrivals arrivals = {
		.start_ns = start_ns,
		.end_ns = from_ns + run->options.duration_ms * NS_PER_MS,
		.rate = run->options.rate,
		.maximum = run->options.requests,
	};
	memset(run->recorder, 0, sizeof *run->recorder);
	run->recorder->from_ns = from_ns;
	run->recorder->until_ns = arrivals.end_ns;
	double processor_before = processor_seconds();
	uint64_t end_ns = run_watched(run, scenario->measured, &arrivals);
	report->processor = (processor_seconds() - processor_before) / ((double)(end_ns - start_ns) / (double)NS_PER_S);

	report->ran_out = run->is_over;
	report->missed = run->is_over ? 0 : arrivals_missed(&run->arrivals);
	uint64_t until_ns = end_ns < arrivals.end_ns ? end_ns : arrivals.end_ns;
	if (until_ns <= from_ns) {
		run_fail(run, "nothing was measured: there were no seats left when the warm-up was over");
		return;
	}
	report->seconds = (double)(until_ns - from_ns) / (double)NS_PER_S;
	report->headline = BENCH_STEPS_MAX;
	for (enum step step = STEP_HOLD; step < STEP_COUNT; step++) {
		bool is_answered = report_step(run, step);
		if (is_answered && step == scenario->headline)
			report->headline = report->step_count - 1;
	}
}

static void report_client(struct run *run)
{
	const struct client_counts *counts = &run->client.counts;
	run->report->repeats = counts->repeats;
	run->report->reconnects = counts->reconnects;
	run->report->timeouts = counts->timeouts;
	run->report->broken = counts->broken;
	run->report->claims = run->ledger.claim_count;
	if (counts->broken > 0)
		violations_add(&run->report->violations, "%llu answers were not HTTP, or came unasked", (unsigned long long)counts->broken);
}

void bench_run(const struct bench_options *options, struct bench_report *ret_report)
{
	assert(options != NULL && ret_report != NULL);
	assert(options->seats <= SEAT_PLAN_SEATS_MAX && options->seats_per_hold >= 1);
	const struct scenario *scenario = scenario_find(options->scenario);
	assert(scenario != NULL);

	*ret_report = (struct bench_report){0};
	struct bench_options sized = *options;
	size_events(&sized, scenario);
	allow_files(sized.connections + sized.idle);
	struct run run;
	struct idle idle = {0};
	if (run_init(&run, &sized, ret_report)) {
		prepare(&run, scenario);
		if (sized.idle > 0)
			idle_open(&idle, &run.endpoints, sized.idle);
		measure(&run, scenario);
		ret_report->idle_opened = idle.opened;
		ret_report->idle_open = idle_count_open(&idle);
		if (sized.check > 0 && !run_has_failed(&run))
			run_check(&run, true);
		report_client(&run);
	}
	idle_release(&idle);
	run_release(&run);
}

/* The facts of the journal, and as many users as they name. */
static bool read_journal(const struct bench_options *options, struct ledger *ledger, struct bench_report *report, uint32_t *ret_users)
{
	uint64_t line;
	enum error error = journal_read(options->journal, ledger, &line);
	if (error == OK && ledger->claim_count > 0) {
		uint32_t users = 0;
		for (uint32_t i = 0; i < ledger->claim_count; i++)
			users = ledger->claims[i].user >= users ? ledger->claims[i].user + 1 : users;
		*ret_users = users;
		return true;
	}
	if (error == OK)
		snprintf(report->failure, sizeof report->failure, "%s has no holds to check", options->journal);
	else if (error == ERR_SYSTEM)
		snprintf(report->failure, sizeof report->failure, "%s: %s", options->journal, strerror(errno));
	else
		snprintf(report->failure, sizeof report->failure, "%s: line %llu is not a journal's (%s)", options->journal,
		         (unsigned long long)line, error_name(error));
	return false;
}

void bench_verify(const struct bench_options *options, struct bench_report *ret_report)
{
	assert(options != NULL && ret_report != NULL);
	assert(options->journal != NULL);

	*ret_report = (struct bench_report){0};
	struct ledger ledger = {0};
	struct bench_options sized = *options;
	if (!read_journal(options, &ledger, ret_report, &sized.users)) {
		ledger_release(&ledger);
		return;
	}
	sized.journal = NULL; /* nothing is added to it */
	allow_files(sized.connections);
	struct run run;
	bool is_ready = run_init(&run, &sized, ret_report);
	run.ledger = ledger;
	if (is_ready) {
		run_check(&run, false);
		report_client(&run);
	}
	run_release(&run);
}
