/* buyer.h: the steps of a purchase: the requests, the answers that are right, and the entries in the ledger.
 *
 * Each `buyer_…` writes the journey's next request into `request`, which is emptied first. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bench/run.h"

/* A purchase begins: journey->user, event and seats say who wants what. Draws the journey's key. */
void buyer_hold(struct run *run, struct journey *journey, struct buffer *request);
/* These need journey->claim: buyer_hold was answered with OUTCOME_DONE. */
void buyer_release(struct run *run, struct journey *journey, struct buffer *request);
void buyer_order(struct run *run, struct journey *journey, struct buffer *request);
/* These need the order. */
void buyer_cancel(struct run *run, struct journey *journey, struct buffer *request);
void buyer_pay(struct run *run, struct journey *journey, bool succeeds, struct buffer *request);

enum outcome {
	OUTCOME_DONE,    /* the request was carried out */
	OUTCOME_REFUSED, /* the seats were taken, or the deadline was over: the journey ends */
	OUTCOME_WRONG,   /* a violation, already noted */
};

/* Judges the answer to the step in flight and tells the ledger. When the same request was answered before, the two are compared instead,
 * and the outcome is DONE if they agree. */
enum outcome buyer_answered(struct run *run, struct journey *journey, const struct client_answer *answer);
/* The request that was just answered is sent once more, unchanged. */
void buyer_repeat(struct journey *journey, const struct client_answer *answer);

/* Notes that something about the journey is wrong, with the answer as evidence. */
void buyer_violation(struct run *run, const struct journey *journey, const char *what, const struct client_answer *answer);
