/* loop.h: one event loop: a thread, its connections and their time limits. Internal to http/.
 *
 * Only the loop's thread uses its members, except those that are atomic or guarded by the lock. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/hlc.h"
#include "base/list.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "net/reactor.h"

#define DATE_LENGTH 29 /* Sun, 22 Nov 2026 23:03:11 GMT */
#define RANDOM_POOL_SIZE 32

struct acceptor;
struct usage;
struct loop;

/* In this order, never back. */
enum loop_phase {
	LOOP_SERVING,
	LOOP_DRAINING, /* no new connections; those there are get their answers */
	LOOP_CUTTING,  /* no connections */
	LOOP_ENDING,   /* the thread returns */
};

/* For each time limit the connections that wait for so long. */
enum loop_timeout {
	LOOP_TIMEOUT_IDLE,
	LOOP_TIMEOUT_HEAD,
	LOOP_TIMEOUT_BODY,
	LOOP_TIMEOUT_SEND,
	LOOP_TIMEOUT_DRAIN,  /* an idle connection, while draining */
	LOOP_TIMEOUT_LINGER, /* a closed one, until its client closes too */
	LOOP_TIMEOUT_MORE,   /* a streamed answer, until its next piece is asked for */
	LOOP_TIMEOUT_COUNT,
};

/* The functions that a loop calls on its thread: it knows neither connections nor exchanges nor the acceptor, only their places on its
 * lists. */
struct loop_events {
	void (*arrived)(struct loop *loop, struct list_node *arrival);      /* a connection starts, and puts itself on `connections` */
	void (*completed)(struct loop *loop, struct list_node *completion); /* a suspended exchange may go on */
	void (*woken)(struct loop *loop);
	void (*draining)(struct loop *loop);
	void (*cutting)(struct loop *loop);           /* closes all of `connections` */
	void (*connection_closed)(struct loop *loop); /* stop counting it */
};

struct loop {
	const struct http_server_options *options;
	const struct loop_events *events;
	struct usage *usage; /* all loops share it */
	uint32_t index;
	struct acceptor *acceptor; /* for the events: the first loop's thread runs it; the others tell it what they have closed */
	pthread_t thread;
	bool has_thread;
	_Atomic bool has_clock; /* the thread runs, and `clock_id` is that of the processor time it has used */
	clockid_t clock_id;

	struct reactor *reactor;
	struct timer_queue timeouts[LOOP_TIMEOUT_COUNT];
	enum loop_phase phase; /* the one that has been entered */

	struct list connections;
	struct list exchanges;       /* all of them, suspended ones without a connection too */
	struct list spare_exchanges; /* their memory is kept for the next ones */
	uint32_t spare_count;

	struct hlc clock;
	uint64_t random[RANDOM_POOL_SIZE];
	uint32_t random_used;
	int64_t date_second;
	char date[DATE_LENGTH + 1];

	_Atomic uint32_t connection_count; /* with those that arrive */
	_Atomic uint64_t first_due_ms
		[LOOP_TIMEOUT_COUNT];      /* when the longest wait with each time limit ends; 0: nobody waits. Its thread alone writes */
	_Atomic uint32_t evictions_wanted; /* connections that are to be closed for others when the loop wakes */
	pthread_mutex_t lock;              /* guards the members below; nothing else is locked while it is held */
	pthread_cond_t drained;
	struct list arrivals; /* connections that are not started yet */
	struct list completions;
	enum loop_phase wanted_phase;
	bool is_drained; /* draining or later, and without connections */
};

/* Makes everything but the thread. All pointers are borrowed. ERR_NO_MEMORY, ERR_SYSTEM. */
must_check enum error loop_init(struct loop *loop, const struct http_server_options *options, const struct loop_events *events,
                                uint32_t index, struct usage *usage, struct acceptor *acceptor);
/* Starts the thread. ERR_SYSTEM. */
must_check enum error loop_start(struct loop *loop);
/* From another thread: asks for a phase. */
void loop_request_phase(struct loop *loop, enum loop_phase phase);
/* From another thread: waits until the loop is draining and has no connections, at most until deadline_ns of the monotonic clock. */
bool loop_wait_drained(struct loop *loop, uint64_t deadline_ns);
/* From another thread: ends the thread, if it was started, and closes what it has. The first loop ends first: it gives the others
 * connections; and none is released before all have ended: they tell the first what they close. */
void loop_end(struct loop *loop);
/* Frees everything but the exchanges, which are freed before. Takes one that is all zero. */
void loop_release(struct loop *loop);

/* From the acceptor, on the first loop: hands a connection over, which counts from now on. */
void loop_adopt(struct loop *loop, struct list_node *arrival);
/* True if a connection with this time limit, which ends at due_ms, has waited long enough to be closed for another. From any thread. */
bool loop_is_evictable(const struct loop *loop, enum loop_timeout timeout, uint64_t due_ms, uint64_t now_ms);
/* From any thread: asks for connections to be closed, those that have waited longest first. */
void loop_request_eviction(struct loop *loop, uint32_t count);
/* From any thread. */
uint32_t loop_connection_count(const struct loop *loop);
/* Nanoseconds of a processor that its thread has used; 0: it does not run. From any thread. */
uint64_t loop_processor_ns(const struct loop *loop);
/* From any thread: the acceptor is to go on, if this is the first loop. */
void loop_wake(struct loop *loop);
/* From any thread: hands an exchange whose request is completed back to its loop. */
void loop_post_completion(struct loop *loop, struct list_node *completion);

/* On the loop. A connection tells when it is gone. */
void loop_connection_closed(struct loop *loop);
uint64_t loop_random(struct loop *loop);
struct uuid loop_uuid(struct loop *loop);
/* The current time as in Date. */
struct slice loop_date(struct loop *loop);
