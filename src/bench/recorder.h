/* recorder.h: the measurements: for each step of a purchase the statuses that were answered and how long the answers took. */
#pragma once

#include <stdint.h>

#include "bench/histogram.h"

enum step {
	STEP_HOLD,
	STEP_RELEASE,
	STEP_ORDER,
	STEP_CANCEL,
	STEP_PAYMENT,
	STEP_READ,
	STEP_SEATS,
	STEP_AVAILABILITY,
	STEP_PAGE,
	STEP_EVENT,
	STEP_FLOW, /* from the hold to the confirmed order; no request of its own */
	STEP_COUNT,
};

#define STATUS_COUNT 600

struct step_record {
	uint64_t answered; /* answers that came within the window */
	uint64_t statuses[STATUS_COUNT];
	struct latency_histogram latencies; /* of what was meant to start within the window, whenever it was answered */
};

struct recorder {
	uint64_t from_ns, until_ns; /* the window that is measured */
	struct step_record steps[STEP_COUNT];
	uint64_t requests;                /* answers since the last progress line, measured or not */
	struct latency_histogram current; /* their latencies */
	struct latency_histogram begun;   /* how long after their moments the journeys of a fixed rate began, of those within the window */
};

/* intended_ns: when the request was due, which is not always when it could be sent. */
void recorder_add(struct recorder *recorder, enum step step, uint16_t status, uint64_t intended_ns, uint64_t now_ns);
/* At a fixed rate: a journey begins now, which was to begin at intended_ns. Late, it waited for the generator's thread or for a free
 * connection. */
void recorder_add_begun(struct recorder *recorder, uint64_t intended_ns, uint64_t now_ns);
/* An answer after which the request is sent again: it counts, its latency does not. */
void recorder_add_repeated(struct recorder *recorder, enum step step, uint16_t status, uint64_t now_ns);

/* "hold", … */
const char *step_name(enum step step);
