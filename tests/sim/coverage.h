/* coverage.h: counts the situations of the runs, so that a simulator that no longer reaches the interesting places is noticed. */
#pragma once

#include <stdint.h>

/* X(NAME, "what it is") */
#define SITUATIONS(X) \
	X(OPERATION, "commands submitted") \
	X(BATCH_COMMITTED, "batches committed") \
	X(BATCH_STALE, "commits found stale") \
	X(BATCH_BESIDE_ANOTHER, "batches taken up while others of the process were in flight") \
	X(BATCH_WITHIN_ANOTHER, "batches gone on with within a store operation of another of the process") \
	X(BATCH_OVERTAKES, "batches committed before an earlier one of the process") \
	X(BATCH_JOINED, "batches that commands joined while they waited for a turn") \
	X(COMMAND_WAITED, "commands that waited for what a batch in flight was writing") \
	X(STEP_NESTED, "steps of one process within an operation of another") \
	X(STEP_NESTED_TWICE, "… and of a third within that") \
	X(TRANSACTION, "tries on rows of one moment, after rows had moved") \
	X(TURN_TAKEN, "turns with a shard") \
	X(TURN_MISSED, "… that were waited for in vain") \
	X(TURN_KEPT, "batches in a turn that went on") \
	X(COMMIT_LATE, "commits that arrived after it was asked what became of them") \
	X(LOAD_TORN, "loads row by row, others at work between") \
	X(VIEW_CLEARED, "views cleared by the store") \
	X(STORE_BUSY_MET, "operations refused as busy") \
	X(STORE_DOWN_MET, "operations refused with the store down") \
	X(UNKNOWN_DONE, "commits done whose answer was lost") \
	X(UNKNOWN_NOT_DONE, "commits not done whose answer was lost") \
	X(RESOLVE_FAILED, "times it could not be asked what became of them") \
	X(REPLAY_UNDER_LOAD, "replays with others at work") \
	X(REPLAY_INTERRUPTED, "replays that were interrupted") \
	X(REPLAY_OVERTAKEN, "replays that gave way to another") \
	X(REPLAY_MET, "loads refused because of a replay") \
	X(CRASH, "crashes within a step") \
	X(CRASH_AFTER_COMMIT, "crashes between a commit and its answers") \
	X(CRASH_IDLE, "crashes between steps") \
	X(UNANSWERED, "commands that nobody answered") \
	X(UNAVAILABLE, "commands answered with 503") \
	X(KEY_REPLAYED, "keys answered again") \
	X(KEY_REPLAYED_LOST, "… whose first answer was lost") \
	X(KEY_REPLAYED_IN_BATCH, "… within the batch of the first") \
	X(KEY_MISMATCH, "keys with another request") \
	X(KEY_REUSED, "keys used after they were refused") \
	X(SEATS_TAKEN, "holds refused, seats taken") \
	X(SEAT_UNKNOWN, "seats that do not exist") \
	X(NOT_OWN, "holds and orders of others asked for") \
	X(NO_CHANGE, "commands that found everything done") \
	X(AT_DEADLINE, "decisions at the very millisecond of a deadline") \
	X(HOLD_TAKEN_OVER, "lapsed holds ended by who took their seats") \
	X(HOLD_EXPIRED_BY_WORKER, "lapsed holds ended by the worker") \
	X(ORDER_TAKEN_OVER, "lapsed orders ended by who took their seats") \
	X(ORDER_EXPIRED_BY_WORKER, "lapsed orders ended by the worker") \
	X(ORDER_BY_SEATS, "orders by their seats") \
	X(PAYMENT_REPLAYED, "transactions answered again") \
	X(PAYMENT_CONFLICT, "transactions with other content") \
	X(PAYMENT_LATE_CONFIRMED, "late payments confirmed") \
	X(PAYMENT_LATE_REFUNDED, "late payments refunded") \
	X(PAYMENT_SECOND_REFUNDED, "second payments refunded") \
	X(PAYMENT_FAILURE_NOTED, "failed payments of what had ended") \
	X(PAYMENT_OF_CANCELLED_EVENT, "payments refunded, the event being cancelled") \
	X(PAYMENT_RETRIED, "payments that failed and then succeeded") \
	X(PAYMENT_MISMATCHED, "payments of too little, or in another currency") \
	X(PAYMENT_OVERPAID, "payments of too much") \
	X(REFUND_CLOSED, "refunds closed") \
	X(REFUND_REPLAYED, "… and told again") \
	X(REFUND_REFUSED, "refunds refused: nothing due, or another amount") \
	X(ORDER_REFUNDED, "orders whose every payment was given back") \
	X(HOLD_CALLED_OFF, "holds ended because their event was cancelled") \
	X(ORDER_CALLED_OFF, "orders cancelled because their event was") \
	X(CONFIRMED_CALLED_OFF, "confirmed orders to be refunded because their event was cancelled") \
	X(SALE_SETTLED, "cancelled events settled") \
	X(SALES_STOPPED, "holds refused, sales closed, paused or cancelled") \
	X(SALE_CREATED, "events put on sale amid it all") \
	X(CLOCK_BEHIND, "events stamped past a clock that was behind") \
	X(CLOCK_JUMPED, "clocks that jumped") \
	X(MESSAGE_NEW, "messages that arrived for the first time") \
	X(MESSAGE_REPEATED, "… and again") \
	X(READ_AHEAD, "entries are read while others are not confirmed or acknowledged") \
	X(MESSAGE_LATE, "times that messages arrived whose sender had given up") \
	X(PUBLISHER_PROCESS_CRASH, "crashes of publishers within a step") \
	X(PUBLISHER_PROCESS_HANGS, "publishers that hung for longer than their lease")

enum situation {
#define X(name, text) SITUATION_##name,
	SITUATIONS(X)
#undef X
		SITUATION_COUNT,
};

struct coverage {
	uint64_t counts[SITUATION_COUNT];
};

static inline void cover(struct coverage *coverage, enum situation situation)
{
	coverage->counts[situation]++;
}

/* One line for each situation, to stdout. */
void coverage_print(const struct coverage *coverage);
/* How many situations never happened; each is told. */
uint32_t coverage_check(const struct coverage *coverage);
