/* publish_window.h: the entries that a publisher has read from the outbox and not yet removed from it.
 *
 * An entry is read, its events are sent, the bus confirms them, and the entry may be acknowledged. Entries pass these steps in the order
 * in which they were sent, so two numbers describe the progress. Events have the bus's numbers (ports/bus.h). An entry is confirmed when
 * the bus has confirmed the number of its last event, on the connection on which all of it was sent. Used by one thread at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "ports/outbox.h"

#define WINDOW_EVENTS 4096 /* read ahead only while fewer are under way */
#define WINDOW_BATCHES 16

/* The entries read with one statement. Their records live until all of them are confirmed or forgotten. */
struct window_batch {
	struct arena arena;
	struct outbox_entry *entries;        /* by partition, in order */
	uint64_t *ends;                      /* of each entry: the number of its last event */
	const struct event_record **records; /* of all entries */
	uint32_t entry_count, record_count;
	uint32_t confirmed_entries; /* the first so many */
	uint64_t first;             /* the number of the event before its first */
	uint64_t began_ns;          /* when it began to be sent, by the monotonic clock */
};

struct publish_window {
	struct window_batch batches[WINDOW_BATCHES];
	uint32_t first, count; /* of the batches in use */
	uint64_t read;         /* the number of the last event that was read */
	uint64_t sent;         /* … that was sent */
	uint64_t confirmed;    /* … that is confirmed, with all before it */
	struct outbox_known known;
	struct outbox_key done[OUTBOX_KNOWN_MAX]; /* confirmed, and not acknowledged */
	uint32_t done_events[OUTBOX_KNOWN_MAX];   /* the events of each entry */
	uint32_t done_count;
};

void window_init(struct publish_window *window);
void window_release(struct publish_window *window);

/* Whether another batch may be read. */
must_check bool window_has_room(const struct publish_window *window);
/* The arena for the next batch; the window has room for one. */
struct arena *window_arena(struct publish_window *window);
/* It was read. False: out of memory, and it is forgotten. */
must_check bool window_add(struct publish_window *window, const struct outbox_batch *batch, uint64_t now_ns);

/* Events that were read and not sent, of one batch; NULL: there are none. */
const struct event_record *const *window_unsent(const struct publish_window *window, uint32_t *ret_count);
void window_note_sent(struct publish_window *window, uint32_t count);
/* Events that were sent and are not confirmed. */
uint32_t window_under_way(const struct publish_window *window);

/* The next entry that is confirmed by now is done; NULL: no other is. The entry and its records live until the next call. */
const struct outbox_entry *window_confirm(struct publish_window *window, uint64_t confirmed, uint64_t *ret_began_ns);
/* All that is done is out of the outbox. */
void window_acknowledged(struct publish_window *window);

/* Somebody else may send what was read and not sent: it is read again when it is this publisher's to send. */
void window_forget_unsent(struct publish_window *window);
/* The bus is down: nothing is under way, and what is not confirmed is read again. */
void window_forget(struct publish_window *window, uint64_t confirmed);
