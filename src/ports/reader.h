/* reader.h: reads the store without deciding: clients' reads, due holds and orders, and the rows that replay and verify compare.
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

/* A domain event as it is stored, for histories, messages and replay. */
struct event_record {
	struct uuid id;
	enum event_type type;
	struct uuid stream_id;
	uint32_t sequence;
	uint64_t occurred_at_ms;
	struct slice actor;
	struct trace_context trace;
	struct slice trace_state; /* only of events that wait to be published; empty: none */
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
	uint64_t next_position; /* the next list begins behind this position; 0: this one is the last */
};

/* The seats of a section that an event's map would show. */
struct section_count {
	struct slice name;
	uint32_t total, available;
	int64_t price_from; /* of the available ones; 0: there is none */
};

struct section_count_list {
	struct section_count *sections;
	uint32_t count;
};

/* The most seats that one call looks at, so that the search for a rare status in a large event delays no others. */
#define SEATS_LOOKED_AT_MAX 20000

struct seat_query {
	struct uuid event_id;
	enum seat_status status; /* 0: any */
	uint64_t after_position; /* 0: from the first */
	uint32_t limit;
	uint64_t now_ms;
};

/* An outbox row as it is stored: the events that it names may be missing. */
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
	uint64_t next_deadline_ms; /* of holds and orders not yet due; UINT64_MAX: none */
};

/* A filter of refunds, in order of their ids, which is the order of their making. */
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

/* The open holds and orders of an event's sale. */
struct sale_account {
	uint64_t active_holds; /* also lapsed ones that are not marked yet; so with the pending orders */
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

/* The result of a ping. */
struct ping {
	uint64_t store_now_ms;          /* by the store's own clock, about in the middle of the ping; 0: it uses this machine's */
	bool is_silent;                 /* it did not answer: it is gone or hangs, so reads would fail, too */
	char problem[PING_PROBLEM_MAX]; /* why it does not serve, in one line for people, never with a password; empty when it does */
};

/* The entries that wait to be published, and the publishers (ports/outbox.h). */
struct outbox_status {
	uint64_t entries;    /* rows waiting; counting stops at OUTBOX_COUNT_MAX */
	uint64_t oldest_ms;  /* when the oldest was written; 0: none */
	uint64_t publishers; /* with a live lease */
};

#define OUTBOX_COUNT_MAX 100000

/* One of many reads of a batch. */
enum read_kind { READ_ROW, READ_HISTORY, READ_SEATS, READ_REFUNDS };

struct read {
	enum read_kind kind;
	union {
		struct {
			enum row_kind kind; /* as of find */
			struct uuid id;
		} row;
		struct {
			struct uuid stream_id;
			uint32_t after, limit;
		} history;
		struct seat_query seats;
		struct refund_query refunds;
	};
};

/* The answer of the read's kind. */
union read_answer {
	const struct row *row;
	struct event_list history;
	struct seat_list seats;
	struct refund_list refunds;
};

#define READS_MAX 1024

struct read_batch {
	const struct read *reads; /* those of rows first */
	uint32_t count;           /* 1 to READS_MAX */
	struct arena *arena;      /* an answer lives here until `answered` returns, which may clear it */
	/* Called once for each read that the store answered, rows before the others, otherwise in any order. A result other than
	 * STORE_OK concerns this read alone, and answer is NULL then. */
	void (*answered)(void *context, uint32_t index, enum store_result result, const union read_answer *answer);
	void *context;
};

struct reader;

/* For this long after an event was cancelled a hold may still appear: its transaction had begun before the cancelling, and commits
 * later. */
#define LAST_COMMITS_MS 10000

/* The answer of list_cancelled for an event that has nothing open; sale_version: of its cancelling. */
static inline struct due_item due_settlement(const struct uuid *event_id, uint64_t sale_version)
{
	return (struct due_item){.kind = ROW_SALE, .id = *event_id, .deadline_ms = hlc_milliseconds(sale_version) + LAST_COMMITS_MS};
}

struct reader_operations {
	/* All reads between the two see one moment. Not nested. Each read outside sees a moment of its own. */
	enum store_result (*snapshot_begin)(struct reader *reader);
	void (*snapshot_end)(struct reader *reader);

	/* One row by its id: *ret_row is a struct hold, order, sale or refund (without its answer) in the arena (ROW_HOLD, ROW_ORDER,
	 * ROW_SALE, ROW_REFUND), NULL when there is none. */
	enum store_result (*find)(struct reader *reader, enum row_kind kind, const struct uuid *id, struct arena *arena,
	                          const struct row **ret_row);

	/* Events of one stream with a sequence past `after`, in order. */
	enum store_result (*list_history)(struct reader *reader, const struct uuid *stream_id, uint32_t after, uint32_t limit,
	                                  struct arena *arena, struct event_list *ret_list);

	/* Seats of an event in the order of its layout, `limit` or fewer: it may end early, even empty, with next_position set, when it has
	 * looked at SEATS_LOOKED_AT_MAX. An unknown event has none. */
	enum store_result (*list_seats)(struct reader *reader, const struct seat_query *query, struct arena *arena,
	                                struct seat_list *ret_list);

	/* The event's sections in the order of the layout, all seats counted at one moment, however many there are. An unknown event has
	 * none. NULL: list_seats part by part costs no more. */
	enum store_result (*count_seats)(struct reader *reader, const struct uuid *event_id, uint64_t now_ms, struct arena *arena,
	                                 struct section_count_list *ret_list);

	/* All reads of the batch, in one round trip; histories and lists need not be of one moment. STORE_DOWN: the reads that were not
	 * answered did not reach the store. NULL: one read after the other costs no more (ports/read_batch.h). */
	enum store_result (*read_all)(struct reader *reader, const struct read_batch *batch);

	/* Active holds and pending orders with a deadline at or before now_ms, the oldest first, with one indexed query each. */
	enum store_result (*list_due)(struct reader *reader, uint64_t now_ms, uint32_t limit, struct arena *arena,
	                              struct due_list *ret_list);

	/* The work that is left for the first cancelled event with an id past `after` (NULL: the first of all) that is not settled: its
	 * active holds (ROW_HOLD), its pending orders and its confirmed orders with their money (ROW_ORDER), or, when it has none of
	 * these, the event itself (ROW_SALE), to be settled. *ret_event is its id. When there is no such event the list is empty, and
	 * the call cheap. The deadline of the event itself is LAST_COMMITS_MS past its cancelling, of the others 0. The list of a
	 * cancelled event only ever becomes shorter. */
	enum store_result (*list_cancelled)(struct reader *reader, const struct uuid *after, uint32_t limit, struct arena *arena,
	                                    struct uuid *ret_event, struct due_list *ret_list);

	/* The open holds and orders of the sale; all zero when there is no such event. Takes time in proportion to the active holds and
	 * pending orders of all events and to the paid orders of this one. */
	enum store_result (*account)(struct reader *reader, const struct uuid *event_id, struct sale_account *ret_account);

	/* Refunds of the query, `limit` or fewer; without their answers. */
	enum store_result (*list_refunds)(struct reader *reader, const struct refund_query *query, struct arena *arena,
	                                  struct refund_list *ret_list);

	/* All events with an id past `after` (NULL: from the first), in order of id: the order of cause and effect. */
	enum store_result (*list_events)(struct reader *reader, const struct uuid *after, uint32_t limit, struct arena *arena,
	                                 struct event_list *ret_list);

	/* Rows of a kind (not ROW_KEY; payments without their answer) with a key past that of `after` (NULL: from the first), in order
	 * of their keys' bytes: seats by event and label, payments by transaction id, the others by id. Refunds have no answer either.
	 * An impossible row has its key and version 0. For verify. */
	enum store_result (*scan)(struct reader *reader, enum row_kind kind, const struct row *after, uint32_t limit, struct arena *arena,
	                          const struct row ***ret_rows, uint32_t *ret_count);

	/* Changes of sales that nobody has dropped yet, with an id past `after` (NULL: from the first), in order of id. A commit adds them,
	 * in its transaction; a later change of a sale takes the place of an earlier one. */
	enum store_result (*list_catalog_changes)(struct reader *reader, const struct uuid *after, uint32_t limit, struct arena *arena,
	                                          struct catalog_change_list *ret_list);
	/* Drops the changes of this sale up to this version, which the catalog has. */
	enum store_result (*drop_catalog_change)(struct reader *reader, const struct catalog_change *change);
	/* Looks at the outbox with one statement of bounded cost. */
	enum store_result (*look_at_outbox)(struct reader *reader, struct outbox_status *ret_status);

	/* Outbox rows past `after` (NULL: from the first), in order of partition and id. For verify. */
	enum store_result (*list_outbox)(struct reader *reader, const struct waiting_entry *after, uint32_t limit, struct arena *arena,
	                                 struct waiting_list *ret_list);

	/* Checks that the store answers and can be written to. Fills *ret_ping in any case. Ends within two seconds. */
	enum store_result (*ping)(struct reader *reader, struct ping *ret_ping);

	void (*free)(struct reader *reader);
};

struct reader {
	const struct reader_operations *operations;
	/* The caller's deadline, by the monotonic clock: every call but ping waits for another machine until then and answers
	 * STORE_DOWN. 0: the adapter's own limit. */
	uint64_t deadline_ns;
};

/* Takes NULL. */
static inline void reader_free(struct reader *reader)
{
	if (reader != NULL)
		reader->operations->free(reader);
}
