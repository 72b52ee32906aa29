/* audit.h: the record of operators' actions and of refused requests. Appended only; it has no secrets.
 *
 * For actions that make domain events the store writes the records itself, in their transaction: one for each event with an address
 * (event.from). Used by one thread at a time. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "domain/event.h"
#include "ports/store.h"

enum audit_kind {
	AUDIT_ACTION = 1,  /* an operator's, done or failed */
	AUDIT_REFUSED = 2, /* a request that was not authenticated, or not authorised */
};

/* Texts are UTF-8 without U+0000. */
struct audit_record {
	struct uuid id; /* version 7: records are listed in order of their ids */
	uint64_t at_ms;
	enum audit_kind kind;
	struct slice actor;   /* a token's subject; "operator" for the command line; empty: unknown */
	struct slice action;  /* "event.paused", "replay", "POST /v1/events" */
	struct slice target;  /* an id or a file; may be empty */
	struct slice address; /* the client's; "uid N at HOST" for the command line */
	struct slice result;  /* "done", "failed", or status and reason */
	uint32_t repeats;     /* at least 1 */
};

/* A filter of records. A member that is 0 or empty does not matter. */
struct audit_filter {
	uint64_t from_ms;  /* records made then or later */
	uint64_t until_ms; /* then or earlier */
	struct slice actor;
};

struct audit_list {
	struct audit_record *records;
	uint32_t count;
};

struct audit;

struct audit_operations {
	/* Writes all of them or none; a record whose id exists stays as it is, so that a batch may be tried again. STORE_OK, STORE_BUSY,
	 * STORE_DOWN, STORE_CORRUPT. */
	enum store_result (*append)(struct audit *audit, const struct audit_record *records, uint32_t count);
	/* The records that pass the filter, with an id past `after` (NULL: from the first), in order of their ids. Texts live in the
	 * arena. The same results. */
	enum store_result (*list)(struct audit *audit, const struct audit_filter *filter, const struct uuid *after, uint32_t limit,
	                          struct arena *arena, struct audit_list *ret_list);
	/* Deletes all refused authentications but the newest `kept`. The same results. */
	enum store_result (*prune)(struct audit *audit, uint32_t kept);
	void (*free)(struct audit *audit);
};

struct audit {
	const struct audit_operations *operations;
	uint64_t deadline_ns; /* as that of a store */
};

/* The record of a domain event with an address; borrows from it. target: room for the text of the stream's id. */
static inline struct audit_record audit_record_of_event(const struct event *event, char target[static UUID_TEXT_LENGTH + 1])
{
	uuid_format(&event->stream_id, target);
	return (struct audit_record){
		.id = event->id,
		.at_ms = event->occurred_at_ms,
		.kind = AUDIT_ACTION,
		.actor = event->actor,
		.action = slice_of(event_type_name(event->type)),
		.target = slice_of(target),
		.address = event->from,
		.result = SLICE("done"),
		.repeats = 1,
	};
}

/* Takes NULL. */
static inline void audit_free(struct audit *audit)
{
	if (audit != NULL)
		audit->operations->free(audit);
}
