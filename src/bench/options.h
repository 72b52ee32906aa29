/* options.h: the options of a run of the load generator, and its report. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "bench/violations.h"

#define BENCH_CHECK_ALL UINT32_MAX
#define BENCH_STEPS_MAX 9
#define BENCH_STATUSES_MAX 8
#define BENCH_FAILURE_MAX 1000

struct bench_options {
	const char *url;      /* "http://127.0.0.1:8080"; several servers on one store with commas between them */
	const char *scenario; /* a name of bench_scenario_at() */
	uint32_t connections;
	uint64_t duration_ms; /* that is measured */
	uint64_t warm_up_ms;  /* before it */
	uint64_t rate;        /* journeys a second; 0: as many as get an answer */
	uint64_t requests;    /* journeys in all; 0: any number; then nothing warms up */
	uint32_t users;
	uint32_t events; /* 0: as the scenario needs, and so for the seats of each */
	uint32_t seats;
	uint32_t seats_per_hold;
	bool is_scattered;    /* seats far from each other instead of one after the other */
	uint32_t idle;        /* more connections, which do nothing */
	uint64_t timeout_ms;  /* before a request is repeated */
	uint64_t patience_ms; /* before the run is given up */
	uint32_t check;       /* answers to read back at most; 0: none */
	uint64_t seed;
	bool shows_progress;                               /* on stderr */
	const char *journal;                               /* file that facts are appended to; NULL: none */
	struct slice jwt_secret, jwt_issuer, jwt_audience; /* the last two may be empty */
	struct slice payment_secret;
};

struct bench_step {
	const char *name;
	uint64_t count;
	double per_second;
	uint64_t p50_us, p90_us, p99_us, p999_us, maximum_us;
	struct {
		uint16_t status;
		uint64_t count;
	} statuses[BENCH_STATUSES_MAX];
	uint32_t status_count;
};

struct bench_report {
	char failure[BENCH_FAILURE_MAX]; /* why it did not run to its end; empty when it did */
	struct violations violations;
	double seconds; /* measured */
	double requests_per_second;
	struct bench_step steps[BENCH_STEPS_MAX];
	uint32_t step_count;
	uint32_t headline; /* index of the step that the scenario is about; BENCH_STEPS_MAX when it was never answered */
	uint64_t missed;   /* arrivals of a fixed rate that found no free connection until the end */
	bool ran_out;      /* of fresh seats, before the time was over */
	uint64_t repeats, reconnects, timeouts, broken;
	/* The machine's timers were so late meanwhile (timers.h); and, at a fixed rate, journeys began so long after their moments. */
	uint64_t timer_p99_us, timer_maximum_us, begun_p99_us, begun_maximum_us;
	double processor;                                      /* share of one core that the generator itself took */
	uint32_t idle_opened, idle_open;                       /* idle connections at the start and at the end */
	uint64_t claims;                                       /* holds that were acknowledged */
	uint64_t holds_read, orders_read, seats_read, replays; /* by the check */
	double check_seconds;
};

/* Whether it ran to its end and nothing was wrong. */
bool bench_passed(const struct bench_report *report);
void bench_report_release(struct bench_report *report);

struct bench_scenario {
	const char *name;
	const char *summary; /* one line */
};
