/* reader.h: questions to the store that decide nothing: what clients read, what is due, what replay and verify compare.
 *
 * A reader is used by one thread at a time and sees everything committed before a call begins. Answers live in the arena given. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/hlc.h"
#include "base/slice.h"
#include "base/trace_context.h"
#include "base/uuid.h"
#include "domain/event.h"
#include "domain/hold.h"
#include "domain/order.h"
#include "domain/refund.h"
#include "domain/row.h"
#include "domain/sale.h"
#include "domain/seat.h"
#include "ports/store.h"

/* A domain event as it is stored: histories, messages and replay are made of it. */
struct event_record {
	struct uuid id;
	enum event_type type;
	struct uuid stream_id;
	uint32_t sequence;
	uint64_t occurred_at_ms;
	struct slice actor;
	struct trace_context trace;
	struct idempotency idempotency;
	struct slice data; /* JSON */
};

struct event_list {
	struct event_record *records;
	uint32_t count;
};

/* A seat as a seat map shows it: one whose hold or order has lapsed is available. */
struct seat_entry {
	uint64_t position; /* ascending in the order of the layout; the cursor */
	struct slice seat;
	struct slice section;
	struct slice row;
	int64_t price;
	enum seat_status status;
	uint64_t version;
};

struct seat_list {
	struct seat_entry *entries;
	uint32_t count;
	uint64_t next_position; /* the list goes on behind this position; 0: it is complete */
};

/* Seats that one call looks at: a rare status in a large event is not searched for at everybody's cost. */
#define SEATS_LOOKED_AT_MAX 20000

struct seat_query {
	struct uuid event_id;
	enum seat_status status; /* 0: any */
	uint64_t after_position; /* 0: from the first */
	uint32_t limit;
	uint64_t now_ms;
};

/* An outbox row as it is: the events that it names may not be there. */
struct waiting_event {
	struct uuid id;
	struct uuid stream_id;
	enum event_type type; /* EVENT_NONE: there is no such event */
};

struct waiting_entry {
	uint8_t partition;
	struct uuid id;
	struct waiting_event *events; /* in its order */
	uint32_t count;
};

struct waiting_list {
	struct waiting_entry *entries;
	uint32_t count;
};

/* A hold or order whose deadline has come. */
struct due_item {
	enum row_kind kind; /* ROW_HOLD or ROW_ORDER */
	struct uuid id;
	uint64_t deadline_ms;
};

/* The oldest deadline first; for qsort. */
static inline int due_item_compare(const void *a, const void *b)
{
	const struct due_item *left = a, *right = b;
	if (left->deadline_ms != right->deadline_ms)
		return left->deadline_ms < right->deadline_ms ? -1 : 1;
	return uuid_compare(&left->id, &right->id);
}

struct due_list {
	struct due_item *items;
	uint32_t count;
	uint64_t next_deadline_ms; /* of what is not due yet; UINT64_MAX: nothing */
};

/* Which refunds, in order of their ids, which is the order of their making. */
struct refund_query {
	enum refund_status status; /* 0: any */
	struct uuid event_id;      /* nil: of all events */
	struct uuid after;         /* only refunds with a greater id; nil: from the first */
	uint32_t limit;
};

struct refund_list {
	struct refund *refunds; /* `limit` of them: there may be more */
	uint32_t count;
};

/* What the sale of an event has open. */
struct sale_account {
	uint64_t active_holds; /* also those that have lapsed and nobody has marked yet; so with the pending orders */
	uint64_t pending_orders;
	uint64_t paid_orders; /* confirmed orders with their money: cancelling the event makes it due */
	int64_t paid;         /* their totals; minor units of `currency` */
	struct currency currency;
	bool is_settled; /* the event is cancelled and the worker is done with it */
};

/* A sale that was made or changed, which the catalog may not have yet. */
struct catalog_change {
	struct uuid event_id;
	uint64_t version; /* of the sale */
};

struct catalog_change_list {
	struct catalog_change *changes;
	uint32_t count;
};

#define PING_PROBLEM_MAX 256

/* What a ping found. */
struct ping {
	uint64_t store_now_ms;          /* by the store's own clock, about in the middle of the ping; 0: it goes by this machine's */
	bool is_silent;                 /* nothing was heard of it: it is gone or hangs, and nobody need try to read either */
	char problem[PING_PROBLEM_MAX]; /* why it does not serve, in one line for people, never with a password; empty when it does */
};

/* The entries that wait to be published, and the publishers (ports/outbox.h). */
struct outbox_status {
	uint64_t entries;    /* rows waiting; counting stops at OUTBOX_COUNT_MAX */
	uint64_t oldest_ms;  /* when the oldest was written; 0: none */
	uint64_t publishers; /* that have been heard of within a lease */
};

#define OUTBOX_COUNT_MAX 100000

struct reader;

/* How long after an event was cancelled a hold may still come to light: the transaction that made it knew nothing of the cancelling, and its
 * commit was on its way. */
#define LAST_COMMITS_MS 10000

/* What list_cancelled answers of an event that has nothing open; sale_version: of its cancelling. */
static inline struct due_item due_settlement(const struct uuid *event_id, uint64_t sale_version)
{
	return (struct due_item){.kind = ROW_SALE, .id = *event_id, .deadline_ms = hlc_milliseconds(sale_version) + LAST_COMMITS_MS};
}

struct reader_operations {
	/* Everything read between the two is of one moment. Not nested. Calls outside are each of their own moment. */
	enum store_result (*snapshot_begin)(struct reader *reader);
	void (*snapshot_end)(struct reader *reader);

	/* One row by its id: *ret_row is a struct hold, order, sale or refund (without its answer) in the arena (ROW_HOLD, ROW_ORDER, ROW_SALE,
	 * ROW_REFUND), NULL when there is none. */
	enum store_result (*find)(struct reader *reader, enum row_kind kind, const struct uuid *id, struct arena *arena,
	                          const struct row **ret_row);

	/* Events of one stream with a sequence past `after`, in order. */
	enum store_result (*list_history)(struct reader *reader, const struct uuid *stream_id, uint32_t after, uint32_t limit,
	                                  struct arena *arena, struct event_list *ret_list);

	/* Seats of an event in the order of its layout, `limit` or fewer: it may end early, even empty, with next_position set, when it has
	 * looked at SEATS_LOOKED_AT_MAX. An unknown event has none. */
	enum store_result (*list_seats)(struct reader *reader, const struct seat_query *query, struct arena *arena,
	                                struct seat_list *ret_list);

	/* Active holds and pending orders with a deadline at or before now_ms, the oldest first, with one indexed query each. */
	enum store_result (*list_due)(struct reader *reader, uint64_t now_ms, uint32_t limit, struct arena *arena,
	                              struct due_list *ret_list);

	/* What is to be done for a cancelled event that is not settled: its active holds (ROW_HOLD), its pending orders and its confirmed orders
	 * with their money (ROW_ORDER), or, when there is none of these, the event itself (ROW_SALE), to be settled. Of the first such event with
	 * an id past `after` (NULL: of all), which is put into *ret_event; empty when there is none, and cheap then. The deadline of the event
	 * itself is LAST_COMMITS_MS past its cancelling, of the others 0. The list of a cancelled event only ever becomes shorter. */
	enum store_result (*list_cancelled)(struct reader *reader, const struct uuid *after, uint32_t limit, struct arena *arena,
	                                    struct uuid *ret_event, struct due_list *ret_list);

	/* What the sale has open; all zero when there is no such event. Takes time in proportion to the active holds and pending orders of all
	 * events and to the paid orders of this one. */
	enum store_result (*account)(struct reader *reader, const struct uuid *event_id, struct sale_account *ret_account);

	/* Refunds of the query, `limit` or fewer; without their answers. */
	enum store_result (*list_refunds)(struct reader *reader, const struct refund_query *query, struct arena *arena,
	                                  struct refund_list *ret_list);

	/* All events with an id past `after` (NULL: from the first), in order of id: the order of cause and effect. */
	enum store_result (*list_events)(struct reader *reader, const struct uuid *after, uint32_t limit, struct arena *arena,
	                                 struct event_list *ret_list);

	/* Rows of a kind (not ROW_KEY; payments without their answer) with a key past that of `after` (NULL: from the first), in order of their
	 * keys' bytes: seats by event and label, payments by transaction id, the others by id. Refunds have no answer either. A row that cannot be
	 * right has its key and version 0. For verify. */
	enum store_result (*scan)(struct reader *reader, enum row_kind kind, const struct row *after, uint32_t limit, struct arena *arena,
	                          const struct row ***ret_rows, uint32_t *ret_count);

	/* Changes of sales that nobody has dropped yet, with an id past `after` (NULL: from the first), in order of id. A commit adds them, in
	 * its transaction; a later change of a sale takes the place of an earlier one. */
	enum store_result (*list_catalog_changes)(struct reader *reader, const struct uuid *after, uint32_t limit, struct arena *arena,
	                                          struct catalog_change_list *ret_list);
	/* The catalog has it: a change of this sale up to this version is not listed any more. */
	enum store_result (*drop_catalog_change)(struct reader *reader, const struct catalog_change *change);
	/* One statement of bounded cost, whatever others do. */
	enum store_result (*look_at_outbox)(struct reader *reader, struct outbox_status *ret_status);

	/* Outbox rows past `after` (NULL: from the first), in order of partition and id. For verify. */
	enum store_result (*list_outbox)(struct reader *reader, const struct waiting_entry *after, uint32_t limit, struct arena *arena,
	                                 struct waiting_list *ret_list);

	/* Whether the store answers and can be written to. *ret_ping is filled in any case. Ends within two seconds. */
	enum store_result (*ping)(struct reader *reader, struct ping *ret_ping);

	void (*free)(struct reader *reader);
};

struct reader {
	const struct reader_operations *operations;
	/* The caller's, by the monotonic clock: every call but ping waits for another machine until then and answers STORE_DOWN. 0: as long as
	 * the adapter thinks right. */
	uint64_t deadline_ns;
};

/* Takes NULL. */
static inline void reader_free(struct reader *reader)
{
	if (reader != NULL)
		reader->operations->free(reader);
}
