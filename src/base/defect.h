/* defect.h: deliberate defects. One can be compiled in, to show that the simulator finds it (scripts/sim-defects.sh); normally none is.
 *
 * DEFECT(NAME) is a constant: without the defect the compiler leaves nothing of it. */
#pragma once

#ifndef TRO_DEFECT
#define TRO_DEFECT 0
#endif

enum defect {
	DEFECT_VERSION_UNCHECKED = 1,     /* a row is written whatever its version is by now */
	DEFECT_KEY_NOT_UNIQUE = 2,        /* a key is looked up, and not guarded when it is written */
	DEFECT_KEY_OF_REFUSAL = 3,        /* a refusal does not look whether its key was used */
	DEFECT_KEY_ANY_BODY = 4,          /* a key is answered again whatever the request */
	DEFECT_EXPIRY_OFF_BY_ONE = 5,     /* a hold can be ordered at its deadline */
	DEFECT_UNKNOWN_TAKEN_AS_DONE = 6, /* a commit whose answer was lost is taken for done */
	DEFECT_UNKNOWN_TRIED_AGAIN = 7,   /* … is done again without asking what became of it */
	DEFECT_PAYMENT_TWICE = 8,         /* a second payment confirms again instead of being refunded */
	DEFECT_PAYMENT_FORGOTTEN = 9,     /* a transaction is applied and not remembered */
	DEFECT_UNRELIABLE = 10,           /* what a decision read is not checked when it is answered */
	DEFECT_BATCH_CONFLICT = 11,       /* a seat changed in the batch is taken for free */
	DEFECT_CLOCK_DEAF = 12,           /* the clock does not observe the versions that are loaded */
	DEFECT_FAILED_BATCH_KEPT = 13,    /* the view keeps what a failed batch changed */
	DEFECT_FOREIGN_HOLD = 14,         /* somebody else's hold can be released and ordered */
	DEFECT_CONVERTED_HOLD_LIVES = 15, /* a hold stays active when an order is made of it, and so expires */
	DEFECT_TORN_VIEW = 16,            /* rows of different moments are taken as they are */
	DEFECT_BATCHES_CROSS = 17,        /* what is on its way to the store is decided on as if it were there */
	DEFECT_UNCONFIRMED_IS_DONE = 18,  /* what the bus has not confirmed is taken out of the outbox */
	DEFECT_REPLAY_UNFENCED = 19,      /* what is decided while a replay runs, or was before it, is written all the same */
	DEFECT_MISMATCH_CONFIRMS = 20,    /* an order is confirmed whatever was paid */
	DEFECT_OVERPAYMENT_KEPT = 21,     /* more than the total is not given back */
	DEFECT_RETRIED_PAYMENT_LOST = 22, /* a transaction that failed cannot succeed any more */
	DEFECT_CANCELLED_CONFIRMS = 23,   /* a payment confirms an order of a cancelled event */
	DEFECT_REFUND_ANY_AMOUNT = 24,    /* a report closes refunds whatever amount it names */
	DEFECT_CONFIRMED_FORGOTTEN = 25,  /* an order that was paid is forgotten when its event is cancelled */
	DEFECT_TORN_VIEW_IS_CORRUPT = 26, /* rows of different moments that contradict each other fail the command */
	DEFECT_LATE_COMMIT_COMES = 27,    /* a commit that was given up happens when it arrives late */
	DEFECT_TURN_IS_TRUSTED = 28,      /* what was read in a turn is not checked when it is answered */
};

#define DEFECT(name) (TRO_DEFECT == DEFECT_##name)
