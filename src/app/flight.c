/* flight.c: one batch from load to commit, again and again until the store has said yes or no. */
#include "app/flight.h"

#include <assert.h>
#include <stdatomic.h>

#include "app/job.h"
#include "base/defect.h"
#include "codec/event_json.h"
#include "domain/apply.h"
#include "domain/decide.h"
#include "state/needs.h"

#define PAUSE_BASE_MS 2
#define PAUSE_MAX_MS 250
/* Of a batch in all: clients wait, and so does whatever is queued behind. What is kept at its end is for finding out what a lost commit has done. */
#define BUDGET_NS UINT64_C(4800000000)
#define RESOLVE_NS UINT64_C(1300000000)
#define CONTENDED_NS UINT64_C(500000000) /* so long after a row was found moved batches take turns with its shard */
#define TURN_NS UINT64_C(10000000)       /* after which a turn is given to the next */
#define NO_TURNS_NS UINT64_C(2000000000)
#define REPEATS_MAX 20 /* of a commit that met another transaction */

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
	return flight->store->has_local_reads || job->is_repeat || flight->is_contended || flight->tries > 0;
}

static struct view *loading_view(const struct flight *flight)
{
	return flight->overlay == NULL || flight->is_alone ? flight->committer->view : flight->overlay;
}

/* For another try. */
static bool has_time(const struct flight *flight)
{
	return clock_monotonic_ns(flight->committer->options.clock) < flight->deadline_ns - RESOLVE_NS;
}

/* Lets off the jobs that have to know what becomes of another batch. */
static void leave_waiting(struct flight *flight, struct list *ret_waiting)
{
	for (struct list_node *node = flight->jobs->head.next; node != &flight->jobs->head;) {
		struct job *job = job_of(node);
		node = node->next;
		if (!command_meets_dispatched(&job->command, loading_view(flight)))
			continue;
		list_remove(&job->node);
		list_push(ret_waiting, &job->node);
		flight->count--;
	}
}

/* A try that is alone keeps the view to itself: nothing in it becomes newer than what is loaded. */
static enum store_result load_once(struct flight *flight, const struct needs *needs)
{
	struct view *view = loading_view(flight);
	if (flight->is_alone) {
		uint64_t epoch = view_epoch(view);
		enum store_result result = store_load(flight->store, needs, view);
		if (result != STORE_OK || needs_confirm(needs, view))
			return result;
		/* A replay has emptied the view: what was read is of another epoch than what was there. */
		return view_epoch(view) == epoch ? STORE_CORRUPT : STORE_BUSY;
	}
	pthread_mutex_unlock(&flight->committer->lock);
	enum store_result result = store_load(flight->store, needs, view);
	pthread_mutex_lock(&flight->committer->lock);
	return result;
}

/* What a row names shows when it is loaded, and others take off meanwhile: each time it is looked what is missing and what is in flight. */
static enum flight_result load(struct flight *flight, struct list *ret_waiting)
{
	struct view *view = loading_view(flight);
	for (uint32_t round = 0; round < NEEDS_ROUNDS_MAX; round++) {
		struct needs needs;
		needs_init(&needs, &flight->arena);
		if (view_dispatched_count(view) > 0)
			leave_waiting(flight, ret_waiting);
		list_for_each(node, flight->jobs) {
			const struct job *job = job_of(node);
			if (command_needs(&job->command, view, wants_key(flight, job), &needs) != OK)
				return FLIGHT_FULL;
		}
		if (needs_are_empty(&needs))
			return FLIGHT_DONE;
		needs_finish(&needs);
		enum store_result result = load_once(flight, &needs);
		if (result != STORE_OK)
			return result_of(result);
	}
	return FLIGHT_PAUSE; /* the rows move faster than they can be read */
}

static bool has_turn(const struct committer *committer, const struct flight *flight, const struct shard_set *shards)
{
	return flight->has_turn && clock_monotonic_ns(committer->options.clock) < flight->turn_until_ns &&
	       shard_set_holds(&flight->turn, shards);
}

/* The try is exact when the last one met rows that had moved. While others change rows of the shards it takes a turn with them, and
 * believes nothing that it knew of them before. */
static void choose_way(struct flight *flight)
{
	struct committer *committer = flight->committer;
	uint64_t now_ns = clock_monotonic_ns(committer->options.clock);
	struct shard_set shards = {0};
	list_for_each(node, flight->jobs) {
		uint8_t shard = command_shard(&job_of(node)->command);
		if (flight->is_stale || now_ns < committer->contended_until_ns[shard])
			shard_set_add(&shards, shard);
	}
	flight->is_contended = !shard_set_is_empty(&shards);
	flight->is_exact = flight->is_stale;
	bool takes_turn = flight->is_contended && store_has_turns(flight->store) && now_ns >= committer->no_turns_until_ns &&
	                  !has_turn(committer, flight, &shards);
	flight->is_alone = flight->is_exact || takes_turn;
	if (flight->is_exact)
		store_begin(flight->store);
	if (!takes_turn)
		return;
	flight->store->operations->take_turn(flight->store, &shards);
	flight->has_turn = true;
	flight->turn = shards;
	flight->turn_until_ns = UINT64_MAX; /* until it is had */
	for (uint32_t shard = 0; shard < SHARD_COUNT; shard++)
		if (shard_set_has(&shards, (uint8_t)shard))
			view_distrust(committer->view, (uint8_t)shard);
}

/* The load has taken the turn, or has waited in vain: then whoever has it may be hung, and nobody waits for it again for a while. */
static void note_turn(struct flight *flight)
{
	if (!flight->has_turn || flight->turn_until_ns != UINT64_MAX)
		return;
	uint64_t now_ns = clock_monotonic_ns(flight->committer->options.clock);
	flight->turn_until_ns = now_ns + TURN_NS;
	if (flight->store->missed_turn)
		flight->committer->no_turns_until_ns = now_ns + NO_TURNS_NS;
}

/* Whether the turn goes on after this batch. It is not kept from others for nothing. */
static bool keeps_turn(const struct flight *flight)
{
	const struct committer_options *options = &flight->committer->options;
	return flight->committer->flight_count == 1 && options->has_more != NULL && options->has_more(options->context) &&
	       !flight->store->missed_turn && clock_monotonic_ns(options->clock) < flight->turn_until_ns;
}

static void end_turn(struct flight *flight)
{
	if (flight->has_turn)
		flight->store->operations->end_turn(flight->store);
	flight->has_turn = false;
}

static void note_contention(struct committer *committer)
{
	uint64_t now_ns = clock_monotonic_ns(committer->options.clock);
	struct shard_set moved = view_take_moved(committer->view);
	for (uint32_t shard = 0; !shard_set_is_empty(&moved) && shard < SHARD_COUNT; shard++)
		if (shard_set_has(&moved, (uint8_t)shard))
			committer->contended_until_ns[shard] = now_ns + CONTENDED_NS;
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

/* The command's rows contradict each other, although all are of one moment: it fails, and no other. */
static void fail_job(struct flight *flight, struct job *job, enum error error, const struct view *view)
{
	const struct committer_options *options = &flight->committer->options;
	job->outcome = (struct outcome){.error = error};
	if (error != ERR_CORRUPT)
		return;
	count(&flight->committer->counters.inconsistent, 1);
	struct inconsistency found = inconsistency_of(&job->command, view);
	if (options->inconsistent != NULL)
		options->inconsistent(options->context, &found);
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
		fail_job(flight, job, job->failure, flight->committer->view);
		return FLIGHT_DONE;
	}
	uint32_t first = flight->changes.event_count;
	enum error error = decide(&job->command, flight->committer->view, &flight->changes, &job->outcome);
	if (error == ERR_CORRUPT && !flight->is_exact && !DEFECT(TORN_VIEW_IS_CORRUPT))
		return FLIGHT_AGAIN; /* the rows may be of different moments */
	if (error != OK) {           /* this command alone cannot be served; nothing of it is in the changes */
		fail_job(flight, job, error, flight->committer->view);
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
	if (!DEFECT(UNRELIABLE) && !(DEFECT(TURN_IS_TRUSTED) && flight->has_turn))
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

/* Whether a commit whose answer was lost happened. It is asked until the store answers or the batch's time is over. */
static enum flight_result resolve(struct flight *flight)
{
	struct committer *committer = flight->committer;
	struct backoff backoff = {.base_ms = PAUSE_BASE_MS, .maximum_ms = PAUSE_MAX_MS};
	if (DEFECT(UNKNOWN_TAKEN_AS_DONE))
		return FLIGHT_DONE;
	if (flight->changes.event_count == 0 || DEFECT(UNKNOWN_TRIED_AGAIN))
		return FLIGHT_PAUSE; /* it would have written nothing */
	flight->store->deadline_ns = flight->deadline_ns;
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

static enum store_result commit_once(struct flight *flight)
{
	const struct committer_options *options = &flight->committer->options;
	uint64_t began_ns = clock_monotonic_ns(options->clock);
	enum store_result result = store_commit(flight->store, &flight->changes);
	if (options->measured != NULL)
		options->measured(options->context, clock_monotonic_ns(options->clock) - began_ns, flight->count);
	return result;
}

/* Another transaction in the way says nothing about the rows of this one: the same changes are written again, which finds out. */
void flight_commit(struct flight *flight)
{
	struct committer *committer = flight->committer;
	struct changes *changes = &flight->changes;
	if (flight->result != FLIGHT_DONE || changes->event_count + changes->relied_count + changes->unused_key_count == 0)
		return;
	assert(changes_check(changes) == NULL);
	struct backoff backoff = {.base_ms = 1, .maximum_ms = PAUSE_MAX_MS};
	changes->ends_turn = flight->has_turn && !keeps_turn(flight);
	enum store_result result = commit_once(flight);
	for (uint32_t i = 0; result == STORE_BUSY && i < REPEATS_MAX && has_time(flight); i++) {
		count(&committer->counters.conflicts, 1);
		committer->options.pause(committer->options.context, backoff_next(&backoff, random_u64(committer->options.random)));
		result = commit_once(flight);
	}
	if (changes->ends_turn)
		flight->has_turn = false;
	flight->result = result == STORE_UNKNOWN ? resolve(flight) : result_of(result);
}

uint64_t flight_deadline_ns(const struct committer *committer)
{
	return clock_monotonic_ns(committer->options.clock) + BUDGET_NS;
}

struct flight *flight_begin(struct committer *committer, struct list *jobs, uint32_t job_count, uint64_t deadline_ns)
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
	flight->is_stale = false;
	flight->deadline_ns = deadline_ns;
	flight->store->deadline_ns = deadline_ns - RESOLVE_NS;
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
	choose_way(flight);
	if (flight->is_exact)
		view_step_begin_exact(view, now_ms);
	else
		view_step_begin(loading_view(flight), now_ms);
	flight->result = load(flight, ret_waiting);
	note_turn(flight);
	if (loading_view(flight) != view) {
		view_step_begin(view, now_ms);
		if (!view_absorb(flight->overlay) && flight->result == FLIGHT_DONE)
			flight->result = FLIGHT_AGAIN;
	}
	note_contention(committer);
	if (flight->result == FLIGHT_DONE)
		flight->result = decide_all(flight);
	if (flight->result == FLIGHT_DONE)
		view_step_dispatch(view, &flight->dispatched);
	else
		view_step_failed(view);
	pthread_mutex_unlock(&committer->lock);
}

void flight_land(struct flight *flight)
{
	struct view *view = flight->committer->view;
	store_end(flight->store);
	if (flight->has_turn && !keeps_turn(flight))
		end_turn(flight);
	pthread_mutex_lock(&flight->committer->lock);
	bool is_of_this_epoch = flight->changes.epoch == 0 || flight->changes.epoch == view_epoch(view);
	if (flight->result == FLIGHT_DONE && is_of_this_epoch) {
		view_committed(view, &flight->dispatched);
	} else {
		view_aborted(view, &flight->dispatched);
		for (uint32_t i = 0; i < flight->changes.relied_count; i++)
			view_forget(view, flight->changes.relied[i]);
	}
	pthread_mutex_unlock(&flight->committer->lock);
}

static void fail_all(struct flight *flight, enum error error)
{
	list_for_each(node, flight->jobs)
		fail_job(flight, job_of(node), error, NULL);
	count(&flight->committer->counters.failures, 1);
}

static void succeed(struct flight *flight)
{
	struct committer *committer = flight->committer;
	if (flight->count == 0)
		return; /* all wait for others */
	count(&committer->counters.batches, 1);
	count(&committer->counters.commands, flight->count);
	count(&committer->counters.events, flight->changes.event_count);
	if (flight->changes.event_count > 0 && committer->options.committed != NULL)
		committer->options.committed(committer->options.context, flight->changes.event_count);
}

bool flight_is_answered(struct flight *flight)
{
	bool is_final = flight->result != FLIGHT_AGAIN && flight->result != FLIGHT_PAUSE;
	if (is_final)
		return true;
	flight->tries++;
	flight->is_stale = flight->is_stale || flight->result == FLIGHT_AGAIN;
	if (flight->tries < flight->committer->options.tries_max && has_time(flight))
		return false;
	flight->result = FLIGHT_LATE;
	return true;
}

void flight_pause(struct flight *flight)
{
	struct committer *committer = flight->committer;
	bool is_first = flight->tries == 1;
	count(flight->result == FLIGHT_AGAIN ? &committer->counters.stale : &committer->counters.retries, 1);
	if (flight->result == FLIGHT_AGAIN && is_first)
		return;
	committer->options.pause(committer->options.context, backoff_next(&flight->backoff, random_u64(committer->options.random)));
}

void flight_cancel(struct flight *flight)
{
	flight->is_taken = false;
}

void flight_rest(struct flight *flight)
{
	end_turn(flight);
}

void flight_end(struct flight *flight)
{
	switch (flight->result) {
	case FLIGHT_DONE:
		succeed(flight);
		break;
	case FLIGHT_LATE:
		fail_all(flight, ERR_OVERLOADED);
		break;
	case FLIGHT_DOWN:
		fail_all(flight, ERR_STORE_UNAVAILABLE);
		break;
	case FLIGHT_CORRUPT:
		fail_all(flight, ERR_CORRUPT);
		break;
	case FLIGHT_FULL:
		fail_all(flight, ERR_NO_MEMORY);
		break;
	case FLIGHT_AGAIN:
	case FLIGHT_PAUSE:
		assert(false && "the batch is answered");
	}
	flight->is_taken = false;
}
