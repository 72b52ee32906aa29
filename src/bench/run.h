/* run.h: one run of the load generator, inside: its parts, and the phases that use them one after the other. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/uuid.h"
#include "bench/arrivals.h"
#include "bench/options.h"
#include "bench/checker.h"
#include "bench/client.h"
#include "bench/dice.h"
#include "bench/endpoint.h"
#include "bench/journal.h"
#include "bench/ledger.h"
#include "bench/recorder.h"
#include "bench/timers.h"
#include "bench/wire.h"

#define FIRST_BODY_MAX 801

/* The work of one connection: a purchase, or a piece of the check. Zeroed when it begins. */
struct journey {
	enum step step;       /* of the request in flight */
	uint64_t began_ns;    /* when the journey was due */
	uint64_t intended_ns; /* when the request was */
	struct uuid key;
	uint32_t user;
	uint32_t event; /* index in the ledger */
	struct wire_seats seats;
	uint32_t claim;         /* index in the ledger, once there is one */
	enum claim_state asked; /* of a payment: CONFIRMED or FAILED */
	bool is_order;          /* the check is at the claim's order, after its hold */
	bool is_repeated;       /* the request was answered before, and is sent once more to see whether the answer is the same */
	uint16_t first_status;  /* that answer */
	uint64_t first_hash;
	char first_body[FIRST_BODY_MAX]; /* the beginning of it, for evidence */
};

struct run;

/* A use of the connections until all there was to do is done. */
struct phase {
	const char *name; /* for the progress line */
	/* Begins a journey by writing its first request. False: nothing is left to do, which ends the phase. */
	bool (*start)(struct run *run, struct journey *journey, struct buffer *request);
	/* Takes an answer, and writes the next request. False: the journey is over. */
	bool (*answered)(struct run *run, struct journey *journey, const struct client_answer *answer, struct buffer *request);
};

struct run {
	struct bench_options options; /* with the numbers of events and seats that the run really has */
	struct bench_report *report;  /* borrowed */
	struct endpoint_list endpoints;
	struct wire wire;
	struct client client;
	struct ledger ledger;
	struct journal journal;
	struct checker checker;
	struct timers *timers;
	struct recorder *recorder;
	struct journey *journeys; /* one for each connection */
	struct dice dice;
	uint64_t wall_offset_ns;

	/* Of the phase that is under way. */
	const struct phase *phase;
	struct arrivals arrivals;
	bool is_over;      /* `start` had nothing left */
	uint64_t next;     /* the journeys begun so far: numbers seats, claims, events */
	uint64_t phase_ns; /* when it began */
	uint64_t shown_ns; /* when the next progress line is due */
	/* Of the on-sale: the event that is bought, and the refusals since its last success. */
	uint32_t popular_event;
	uint32_t refusals;
};

/* Opens everything that a run needs; on failure the report says why. Either way run_release is due. */
must_check bool run_init(struct run *run, const struct bench_options *options, struct bench_report *report);
void run_release(struct run *run);

/* Runs a phase to its end, unless the run has failed before. arrivals: NULL begins journeys as fast as they end. */
void run_phase(struct run *run, const struct phase *phase, const struct arrivals *arrivals);
/* The run ends here: the first reason given is kept in the report, and the connections stop. */
void run_fail(struct run *run, const char *format, ...) format_printf(2, 3);
/* The same for an error of the ledger or the journal. True: it is OK. */
bool run_expect(struct run *run, enum error error);

bool run_has_failed(const struct run *run);

uint64_t run_wall_ms(const struct run *run, uint64_t now_ns);
