/* checker.h: holds the server to what it has acknowledged. Compares the claims of a ledger with answers that were read later, and with
 * one another. Sends nothing itself; every difference that no request and no deadline explains is a violation. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/slice.h"
#include "bench/ledger.h"
#include "bench/response.h"
#include "bench/violations.h"

/* The owners of the seats of an event. */
struct seat_owners {
	uint32_t *owners; /* for each seat: number + 1 of the claim; 0: nobody's */
	uint32_t seen;    /* seats that were found in the seat map */
};

struct checker {
	struct ledger *ledger;         /* borrowed; `found` of its facts is filled in */
	struct violations *violations; /* borrowed */
	bool is_complete;              /* every claim there can be is in the ledger: a seat that none of them may have must be free */
	bool has_strays;               /* or held: of two servers with the same request, one may have refused what the other did then */
	struct seat_owners *events;    /* one for each event of the ledger; NULL before checker_find_owners */
};

/* One answer, and when it was asked for and came. */
struct checked_answer {
	const struct response *response;
	uint64_t asked_ms;
	uint64_t answered_ms;
};

void checker_release(struct checker *checker);

/* An answer to GET of the claim's hold, or of its order. */
void checker_hold(struct checker *checker, uint32_t index, const struct checked_answer *answer);
void checker_order(struct checker *checker, uint32_t index, const struct checked_answer *answer);
/* An answer to the claim's hold or order being posted again under its key. */
void checker_replay(struct checker *checker, uint32_t index, bool is_order, const struct response *response);

/* Two claims that certainly had one seat at one time. Needs nothing but the ledger. ERR_NO_MEMORY. */
must_check enum error checker_find_overlaps(struct checker *checker);
/* Says whose each seat is, from what was found; two owners of one seat are a violation. Comes before the seat maps. ERR_NO_MEMORY. */
must_check enum error checker_find_owners(struct checker *checker, uint64_t now_ms);
/* A page of an event's seat map. Answers the cursor of the next page, which borrows from the response; it is empty after the last page,
 * and when the page is not what it should be. */
must_check struct slice checker_seat_page(struct checker *checker, uint32_t event, const struct checked_answer *answer);
