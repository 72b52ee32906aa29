/* flight.c: one batch from load to commit, again and again until the store has said yes or no. */
#include "app/flight.h"

#include <assert.h>
#include <stdatomic.h>

#include "app/job.h"
#include "base/defect.h"
#include "codec/event_json.h"
#include "domain/apply.h"
#include "domain/decide.h"
#include "domain/needs.h"

#define PAUSE_BASE_MS 2
#define PAUSE_MAX_MS 250
#define COMMIT_NS UINT64_C(3500000000)   /* the store's calls of a batch are given up after this … */
#define RESOLVE_NS UINT64_C(4800000000)  /* … and this is when its clients are answered, whether or not it is known what became of it */
#define PATIENCE_NS UINT64_C(3000000000) /* no try is begun after this: clients wait, and so does whatever is queued behind */

static void count(_Atomic uint64_t *counter, uint64_t by)
{
	atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

static struct job *job_of(struct list_node *node)
{
	return container_of(node, struct job, node);
}

static enum flight_result result_of(enum store_result result)
{
	switch (result) {
	case STORE_OK:
		return FLIGHT_DONE;
	case STORE_STALE:
		return FLIGHT_AGAIN;
	case STORE_BUSY:
	case STORE_UNKNOWN:
		return FLIGHT_PAUSE;
	case STORE_DOWN:
		return FLIGHT_DOWN;
	case STORE_CORRUPT:
		break;
	}
	return FLIGHT_CORRUPT;
}

/* Keys are looked up first where that is free, where a repeat is likely, and after a collision that may have been one. */
static bool wants_key(const struct flight *flight, const struct job *job)
{
	return flight->store->has_local_reads || job->is_repeat || flight->tries > 0;
}

/* Lets off the jobs that have to know what becomes of another batch. */
static void leave_waiting(struct flight *flight, struct list *ret_waiting)
{
	for (struct list_node *node = flight->jobs->head.next; node != &flight->jobs->head;) {
		struct job *job = job_of(node);
		node = node->next;
		if (!command_meets_flight(&job->command, flight->loading))
			continue;
		list_remove(&job->node);
		list_push(ret_waiting, &job->node);
		flight->count--;
	}
}

static enum store_result load_unlocked(struct flight *flight, const struct needs *needs)
{
	pthread_mutex_unlock(&flight->committer->lock);
	enum store_result result = store_load(flight->store, needs, flight->loading);
	pthread_mutex_lock(&flight->committer->lock);
	return result;
}

/* What a row names shows when it is loaded, and others take off meanwhile: each time it is looked what is missing and what is in flight. */
static enum flight_result load(struct flight *flight, struct list *ret_waiting)
{
	for (uint32_t round = 0; round < NEEDS_ROUNDS_MAX; round++) {
		struct needs needs;
		needs_init(&needs, &flight->arena);
		if (view_flying_count(flight->loading) > 0)
			leave_waiting(flight, ret_waiting);
		list_for_each(node, flight->jobs) {
			const struct job *job = job_of(node);
			if (command_needs(&job->command, flight->loading, wants_key(flight, job), &needs) != OK)
				return FLIGHT_FULL;
		}
		if (needs_are_empty(&needs))
			return FLIGHT_DONE;
		needs_finish(&needs);
		enum store_result result = load_unlocked(flight, &needs);
		if (result != STORE_OK)
			return result_of(result);
	}
	return FLIGHT_PAUSE; /* the rows move faster than they can be read */
}

/* What the client is told of the event; data is NULL out of memory. */
static struct slice answer_of(struct flight *flight, const struct event *event, struct arena *arena)
{
	if (!event_answer_differs(event))
		return arena_copy(arena, event->data);
	buffer_clear(&flight->scratch);
	event_answer_write(&flight->scratch, event);
	return flight->scratch.failed ? (struct slice){0} : arena_copy(arena, buffer_slice(&flight->scratch));
}

/* A payment reported again is answered with what its event's data says of the order. */
static enum error answer_payment_again(struct flight *flight, struct job *job)
{
	/* Any type of an order's event reads its data: what the order became is in there. */
	struct event event = {.type = EVENT_ORDER_CONFIRMED, .stream_id = job->outcome.resource_id};
	enum error error = event_data_read(job->outcome.body, &flight->arena, &event);
	if (error != OK)
		return error;
	job->outcome.body = answer_of(flight, &event, job->command.arena);
	return job->outcome.body.data == NULL ? ERR_NO_MEMORY : OK;
}

/* A repeat of the key later in this very batch finds it used; one in another batch waits for it. */
static enum error remember_key(struct view *view, const struct event *event)
{
	if (!event->idempotency.is_present)
		return OK;
	const struct key used = {.idempotency = event->idempotency, .stream_id = event->stream_id, .answer = event->data};
	struct key *key = view_put_key(view, &used);
	if (key == NULL)
		return ERR_NO_MEMORY;
	view_change(view, &key->row, uuid_stamp(&event->id));
	return OK;
}

/* Writes the data of the events from `first` on, applies them, and answers the job with the last. */
static enum error apply_events(struct flight *flight, uint32_t first, struct job *job)
{
	struct view *view = flight->committer->view;
	struct event *event = NULL;
	for (uint32_t i = first; i < flight->changes.event_count; i++) {
		event = &flight->changes.events[i];
		buffer_clear(&flight->scratch);
		event_data_write(&flight->scratch, event);
		if (flight->scratch.failed)
			return ERR_NO_MEMORY;
		event->data = arena_copy(&flight->arena, buffer_slice(&flight->scratch));
		if (event->data.data == NULL)
			return ERR_NO_MEMORY;
		enum error error = apply(view, event);
		if (error != OK)
			return error;
	}
	job->outcome.body = answer_of(flight, event, job->command.arena);
	if (job->outcome.body.data == NULL)
		return ERR_NO_MEMORY;
	return remember_key(view, event);
}

/* Nothing was changed, so no event will collide with an earlier use of the key: its absence is checked with the commit. A key that was looked
 * up and not found is checked too: rows read after it may show what the first request with it has done meanwhile. */
static enum error rely_on_unused_key(struct flight *flight, const struct job *job)
{
	const struct idempotency *idempotency = &job->command.idempotency;
	const struct key *key = idempotency->is_present ? view_key(flight->committer->view, idempotency->key) : NULL;
	bool is_used = key != NULL && key->row.version != 0;
	return !idempotency->is_present || is_used || DEFECT(KEY_OF_REFUSAL) ? OK : changes_add_unused_key(&flight->changes, idempotency);
}

/* What the job has changed may be half done: the batch is decided again, without it. */
static enum flight_result give_up_on(struct job *job, enum error error)
{
	job->failure = error;
	return FLIGHT_AGAIN;
}

static enum flight_result decide_job(struct flight *flight, struct job *job)
{
	if (job->failure != OK) {
		job->outcome = (struct outcome){.error = job->failure};
		return FLIGHT_DONE;
	}
	uint32_t first = flight->changes.event_count;
	enum error error = decide(&job->command, flight->committer->view, &flight->changes, &job->outcome);
	if (error == ERR_CORRUPT && flight->tries + 1 < flight->committer->options.tries_max) {
		view_clear(flight->committer->view);
		return FLIGHT_AGAIN;
	}
	if (error != OK) { /* this command alone cannot be served; nothing of it is in the changes */
		job->outcome = (struct outcome){.error = error};
		return FLIGHT_DONE;
	}
	if (job->outcome.is_replayed) {
		/* A key is used once for all, but what a transaction was reported as may change: the row must still be so. */
		bool is_payment = job->command.kind == COMMAND_PAYMENT;
		if (is_payment && !DEFECT(UNRELIABLE))
			command_rely(&job->command, flight->committer->view, true);
		error = is_payment ? answer_payment_again(flight, job) : OK;
		return error == OK ? FLIGHT_DONE : give_up_on(job, error);
	}
	/* A success, too, rests on more than it writes: on the sale being open, or on the seats of a late payment being taken. */
	bool has_changed = flight->changes.event_count > first;
	if (!DEFECT(UNRELIABLE))
		command_rely(&job->command, flight->committer->view, !has_changed);
	error = has_changed ? apply_events(flight, first, job) : rely_on_unused_key(flight, job);
	return error == OK ? FLIGHT_DONE : give_up_on(job, error);
}

static enum flight_result decide_all(struct flight *flight)
{
	list_for_each(node, flight->jobs) {
		enum flight_result result = decide_job(flight, job_of(node));
		if (result != FLIGHT_DONE)
			return result;
	}
	return changes_collect(&flight->changes, flight->committer->view) == OK ? FLIGHT_DONE : FLIGHT_FULL;
}

/* Whether a commit whose answer was lost happened. It is asked until the store answers or patience ends. */
static enum flight_result resolve(struct flight *flight)
{
	struct committer *committer = flight->committer;
	struct backoff backoff = {.base_ms = PAUSE_BASE_MS, .maximum_ms = PAUSE_MAX_MS};
	if (DEFECT(UNKNOWN_TAKEN_AS_DONE))
		return FLIGHT_DONE;
	if (flight->changes.event_count == 0 || DEFECT(UNKNOWN_TRIED_AGAIN))
		return FLIGHT_PAUSE; /* it would have written nothing */
	flight->store->deadline_ns = flight->began_ns + RESOLVE_NS;
	for (uint32_t i = 0; i < committer->options.tries_max; i++) {
		bool is_committed = false;
		enum store_result result = store_resolve(flight->store, &flight->changes, &is_committed);
		if (result == STORE_OK)
			return is_committed ? FLIGHT_DONE : FLIGHT_PAUSE;
		if (clock_monotonic_ns(committer->options.clock) >= flight->store->deadline_ns)
			break;
		count(&committer->counters.retries, 1);
		committer->options.pause(committer->options.context, backoff_next(&backoff, random_u64(committer->options.random)));
	}
	return FLIGHT_DOWN; /* not acknowledged: the client's retry finds what was done by its key */
}

void flight_commit(struct flight *flight)
{
	const struct committer_options *options = &flight->committer->options;
	const struct changes *changes = &flight->changes;
	if (flight->result != FLIGHT_DONE || changes->event_count + changes->relied_count + changes->unused_key_count == 0)
		return;
	assert(changes_check(changes) == NULL);
	uint64_t began_ns = clock_monotonic_ns(options->clock);
	enum store_result result = store_commit(flight->store, changes);
	if (options->measured != NULL)
		options->measured(options->context, clock_monotonic_ns(options->clock) - began_ns, flight->count);
	flight->result = result == STORE_UNKNOWN ? resolve(flight) : result_of(result);
}

struct flight *flight_begin(struct committer *committer, struct list *jobs, uint32_t job_count)
{
	assert(committer != NULL);
	assert(jobs != NULL && job_count > 0);
	struct flight *flight = committer->flights;
	while (atomic_exchange(&flight->is_taken, true)) {
		flight++;
		assert(flight < &committer->flights[committer->options.store_count]);
	}
	flight->jobs = jobs;
	flight->count = job_count;
	flight->tries = 0;
	flight->began_ns = clock_monotonic_ns(committer->options.clock);
	flight->store->deadline_ns = flight->began_ns + COMMIT_NS;
	flight->backoff = (struct backoff){.base_ms = PAUSE_BASE_MS, .maximum_ms = PAUSE_MAX_MS};
	return flight;
}

void flight_decide(struct flight *flight, struct list *ret_waiting)
{
	struct committer *committer = flight->committer;
	struct view *view = committer->view;
	uint64_t now_ms = clock_now_ms(committer->options.clock);
	arena_clear(&flight->arena);
	changes_init(&flight->changes, &flight->arena, view_clock(view), random_u64(committer->options.random), now_ms);
	pthread_mutex_lock(&committer->lock);
	view_step_begin(flight->loading, now_ms);
	flight->result = load(flight, ret_waiting);
	if (flight->loading != view) {
		view_step_begin(view, now_ms);
		if (!view_absorb(flight->loading) && flight->result == FLIGHT_DONE)
			flight->result = FLIGHT_AGAIN;
	}
	if (flight->result == FLIGHT_DONE)
		flight->result = decide_all(flight);
	if (flight->result == FLIGHT_DONE)
		view_step_take_off(view, &flight->flying);
	else
		view_step_failed(view);
	pthread_mutex_unlock(&committer->lock);
}

void flight_land(struct flight *flight)
{
	struct view *view = flight->committer->view;
	pthread_mutex_lock(&flight->committer->lock);
	bool is_of_this_epoch = flight->changes.epoch == 0 || flight->changes.epoch == view_epoch(view);
	if (flight->result == FLIGHT_DONE && is_of_this_epoch) {
		view_landed(view, &flight->flying);
	} else {
		view_lost(view, &flight->flying);
		for (uint32_t i = 0; i < flight->changes.relied_count; i++)
			view_forget(view, flight->changes.relied[i]);
	}
	pthread_mutex_unlock(&flight->committer->lock);
}

static void fail_all(struct flight *flight, enum error error)
{
	list_for_each(node, flight->jobs)
		job_of(node)->outcome = (struct outcome){.error = error};
	count(&flight->committer->counters.failures, 1);
}

static void succeed(struct flight *flight)
{
	struct committer *committer = flight->committer;
	count(&committer->counters.batches, 1);
	count(&committer->counters.commands, flight->count);
	count(&committer->counters.events, flight->changes.event_count);
	if (flight->changes.event_count > 0 && committer->options.committed != NULL)
		committer->options.committed(committer->options.context, flight->changes.event_count);
}

/* Whether the jobs have their outcomes; if not, after the pause that the last try asked for. */
static bool is_answered(struct flight *flight)
{
	struct committer *committer = flight->committer;
	const struct committer_options *options = &committer->options;
	switch (flight->result) {
	case FLIGHT_DONE:
		if (flight->count > 0)
			succeed(flight);
		return true;
	case FLIGHT_AGAIN:
		count(&committer->counters.stale, 1);
		break;
	case FLIGHT_PAUSE:
		count(&committer->counters.retries, 1);
		options->pause(options->context, backoff_next(&flight->backoff, random_u64(options->random)));
		break;
	case FLIGHT_DOWN:
		fail_all(flight, ERR_STORE_UNAVAILABLE);
		return true;
	case FLIGHT_CORRUPT:
		fail_all(flight, ERR_CORRUPT);
		return true;
	case FLIGHT_FULL:
		fail_all(flight, ERR_NO_MEMORY);
		return true;
	}
	flight->tries++;
	bool is_patient = clock_monotonic_ns(options->clock) - flight->began_ns < PATIENCE_NS;
	if (is_patient && flight->tries < options->tries_max)
		return false;
	fail_all(flight, ERR_STORE_UNAVAILABLE);
	return true;
}

bool flight_is_over(struct flight *flight)
{
	if (!is_answered(flight))
		return false;
	flight->is_taken = false;
	return true;
}
