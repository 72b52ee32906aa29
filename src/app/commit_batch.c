/* commit_batch.c: one batch from load to commit, again and again until the store has said yes or no. */
#include "app/commit_batch.h"

#include <assert.h>
#include <stdatomic.h>

#include "app/command_answer.h"
#include "app/commit_turn.h"
#include "app/job.h"
#include "codec/event_json.h"
#include "domain/apply.h"
#include "domain/decide.h"
#include "state/needs.h"

#define PAUSE_BASE_MS 2
#define PAUSE_MAX_MS 250
/* The time limit of a batch: its clients wait, and so do the jobs queued behind. The last part of it is reserved for finding out whether
 * a lost commit was written. */
#define BUDGET_NS UINT64_C(4800000000)
#define RESOLVE_NS UINT64_C(1300000000)
#define REPEATS_MAX 20 /* of a commit that met another transaction */

static void count(_Atomic uint64_t *counter, uint64_t by)
{
	assert(counter != NULL);
	atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

static enum try_result result_of(enum store_result result)
{
	switch (result) {
	case STORE_OK:
		return TRY_DONE;
	case STORE_STALE:
		return TRY_AGAIN;
	case STORE_BUSY:
	case STORE_UNKNOWN:
		return TRY_PAUSE;
	case STORE_DOWN:
		return TRY_DOWN;
	case STORE_CORRUPT:
		break;
	}
	return TRY_CORRUPT;
}

/* A first call that finds nobody, however long it waits, has found the store down. A later one had only what was left of the batch's time:
 * given up at its end it says nothing of a store that has answered before. */
static enum try_result judge(const struct commit_batch *batch, enum store_result result)
{
	assert(batch->is_taken);
	bool is_over = clock_monotonic_ns(batch->committer->options.clock) >= batch->store->deadline_ns;
	return result == STORE_DOWN && batch->has_answer && is_over ? TRY_LATE : result_of(result);
}

/* Keys are looked up first where that is free, where a repeat is likely, and after a collision that may have been one. */
static bool wants_key(const struct commit_batch *batch, const struct job *job)
{
	assert(job->kind == JOB_COMMAND);
	return batch->store->has_local_reads || job->admission.ret_is_repeat || batch->is_contended || batch->tries > 0;
}

static struct view *loading_view(const struct commit_batch *batch)
{
	assert(batch->is_taken);
	return batch->overlay == NULL || batch->is_alone ? batch->committer->view : batch->overlay;
}

/* For another try. */
static bool has_time(const struct commit_batch *batch)
{
	assert(batch->deadline_ns > RESOLVE_NS);
	return clock_monotonic_ns(batch->committer->options.clock) < batch->deadline_ns - RESOLVE_NS;
}

/* Lets off the jobs that have to know what becomes of another batch. */
static void leave_waiting(struct commit_batch *batch, struct list *ret_waiting)
{
	assert(ret_waiting != NULL);
	assert(ret_waiting != batch->jobs);
	for (struct list_node *node = batch->jobs->head.next; node != &batch->jobs->head;) {
		struct job *job = commit_batch_job(node);
		node = node->next;
		if (!command_meets_dispatched(&job->command, loading_view(batch)))
			continue;
		list_remove(&job->node);
		list_push(ret_waiting, &job->node);
		batch->count--;
	}
}

/* The store's part of a load. */
static enum store_result ask_store(struct commit_batch *batch, const struct needs *needs, struct view *view)
{
	assert(view != NULL);
	struct clock *clock = batch->committer->options.clock;
	uint64_t began_ns = batch_trace_now(&batch->trace, clock);
	enum store_result result = store_load(batch->store, needs, view);
	batch_trace_step(&batch->trace, BATCH_LOAD, began_ns, result != STORE_OK, clock);
	return result;
}

/* A try that is alone keeps the view to itself: nothing in it becomes newer than what is loaded. */
static enum store_result load_once(struct commit_batch *batch, const struct needs *needs)
{
	assert(!needs_are_empty(needs));
	struct view *view = loading_view(batch);
	if (batch->is_alone) {
		uint64_t epoch = view_epoch(view);
		enum store_result result = ask_store(batch, needs, view);
		if (result != STORE_OK || needs_confirm(needs, view))
			return result;
		/* A replay has emptied the view: the rows read are of another epoch than those in the view. */
		return view_epoch(view) == epoch ? STORE_CORRUPT : STORE_BUSY;
	}
	pthread_mutex_unlock(&batch->committer->lock);
	enum store_result result = ask_store(batch, needs, view);
	pthread_mutex_lock(&batch->committer->lock);
	return result;
}

/* Which other rows a row names shows only when it is loaded, and other batches are dispatched meanwhile: so each round looks again what is
 * missing and which rows are dispatched. */
static enum try_result load(struct commit_batch *batch, struct list *ret_waiting)
{
	assert(batch->count > 0);
	struct view *view = loading_view(batch);
	for (uint32_t round = 0; round < NEEDS_ROUNDS_MAX; round++) {
		struct needs needs;
		needs_init(&needs, &batch->arena);
		if (view_dispatched_count(view) > 0)
			leave_waiting(batch, ret_waiting);
		list_for_each(node, batch->jobs) {
			const struct job *job = commit_batch_job(node);
			if (command_needs(&job->command, view, wants_key(batch, job), &needs) != OK)
				return TRY_FULL;
		}
		if (needs_are_empty(&needs))
			return TRY_DONE;
		needs_finish(&needs);
		(void)view_take_lack_of_memory(view);
		enum store_result result = load_once(batch, &needs);
		if (result == STORE_CORRUPT && view_take_lack_of_memory(view))
			return TRY_FULL;
		if (result != STORE_OK)
			return judge(batch, result);
		commit_turn_gather(batch);
	}
	return TRY_PAUSE; /* the rows move faster than they can be read */
}

/* Writes the data of the events from `first` on, applies them, and answers the job with the last. */
static enum error apply_events(struct commit_batch *batch, uint32_t first, struct job *job)
{
	assert(first < batch->changes.event_count);
	assert(job->outcome.error == OK);
	struct view *view = batch->committer->view;
	struct event *event = NULL;
	for (uint32_t i = first; i < batch->changes.event_count; i++) {
		event = &batch->changes.events[i];
		buffer_clear(&batch->scratch);
		event_data_write(&batch->scratch, event);
		if (batch->scratch.failed)
			return ERR_NO_MEMORY;
		event->data = arena_copy(&batch->arena, buffer_slice(&batch->scratch));
		if (event->data.data == NULL)
			return ERR_NO_MEMORY;
		enum error error = apply(view, event);
		if (error != OK)
			return error;
	}
	job->outcome.body = command_answer(event, &batch->scratch, job->command.arena);
	if (job->outcome.body.data == NULL)
		return ERR_NO_MEMORY;
	return command_remember_key(event, view);
}

/* Nothing was changed, so no event will collide with an earlier use of the key: its absence is checked with the commit. A key that was
 * looked up and not found is checked too: rows read after it may show what the first request with it has done meanwhile. */
static enum error rely_on_unused_key(struct commit_batch *batch, const struct job *job)
{
	assert(job->kind == JOB_COMMAND);
	const struct idempotency *idempotency = &job->command.idempotency;
	const struct key *key = idempotency->is_present ? view_key(batch->committer->view, idempotency->key) : NULL;
	bool is_used = key != NULL && key->row.version != 0;
	return !idempotency->is_present || is_used ? OK : changes_add_unused_key(&batch->changes, idempotency);
}

/* The command's rows contradict each other, although all are of one moment: it fails, and no other. */
static void fail_job(struct commit_batch *batch, struct job *job, enum error error, const struct view *view)
{
	assert(error != OK);
	const struct committer_options *options = &batch->committer->options;
	job->outcome = (struct outcome){.error = error};
	if (error != ERR_CORRUPT)
		return;
	struct inconsistency found = inconsistency_of(&job->command, view);
	if (options->inconsistent != NULL)
		options->inconsistent(options->context, &found);
	count(&batch->committer->counters.inconsistent, 1); /* a reader who sees the count finds what it counts */
}

/* The job's changes may be half done: the batch is decided again, without the job. */
static enum try_result give_up_on(struct job *job, enum error error)
{
	assert(error != OK);
	assert(job->failure == OK);
	job->failure = error;
	return TRY_AGAIN;
}

static enum try_result decide_job(struct commit_batch *batch, struct job *job)
{
	assert(job->kind == JOB_COMMAND);
	assert(job->command.arena != NULL);
	if (job->failure != OK) {
		fail_job(batch, job, job->failure, batch->committer->view);
		return TRY_DONE;
	}
	uint32_t first = batch->changes.event_count;
	enum error error = decide(&job->command, batch->committer->view, &batch->changes, &job->outcome);
	if (error == ERR_CORRUPT && !batch->is_exact)
		return TRY_AGAIN; /* the rows may be of different moments */
	if (error != OK) {        /* this command alone cannot be served; nothing of it is in the changes */
		fail_job(batch, job, error, batch->committer->view);
		return TRY_DONE;
	}
	if (job->outcome.is_replayed) {
		/* A key is used once for all, but what a transaction was reported as may change: the row must still be so. */
		bool is_payment = job->command.kind == COMMAND_PAYMENT;
		if (is_payment)
			command_rely(&job->command, batch->committer->view, true);
		error = is_payment ? command_answer_payment_again(job, &batch->scratch, &batch->arena) : OK;
		return error == OK ? TRY_DONE : give_up_on(job, error);
	}
	/* A success, too, rests on more than it writes: on the sale being open, or on the seats of a late payment being taken. */
	bool has_changed = batch->changes.event_count > first;
	command_rely(&job->command, batch->committer->view, !has_changed);
	error = has_changed ? apply_events(batch, first, job) : rely_on_unused_key(batch, job);
	return error == OK ? TRY_DONE : give_up_on(job, error);
}

static enum try_result decide_all(struct commit_batch *batch)
{
	assert(view_dispatched_count(batch->committer->view) == 0 || batch->committer->slot_count > 1);
	uint64_t began_ns = batch_trace_now(&batch->trace, batch->committer->options.clock);
	list_for_each(node, batch->jobs) {
		enum try_result result = decide_job(batch, commit_batch_job(node));
		if (result != TRY_DONE)
			return result;
	}
	batch_trace_step(&batch->trace, BATCH_DECIDE, began_ns, false, batch->committer->options.clock);
	return changes_collect(&batch->changes, batch->committer->view) == OK ? TRY_DONE : TRY_FULL;
}

/* Whether a commit whose answer was lost happened. It is asked until the store answers or the batch's time is over. */
static enum try_result resolve(struct commit_batch *batch)
{
	assert(batch->result == TRY_DONE);
	struct committer *committer = batch->committer;
	struct backoff backoff = {.base_ms = PAUSE_BASE_MS, .maximum_ms = PAUSE_MAX_MS};
	if (batch->changes.event_count == 0)
		return TRY_PAUSE; /* it would have written nothing */
	batch->store->deadline_ns = batch->deadline_ns;
	for (uint32_t i = 0; i < committer->options.tries_max; i++) {
		bool is_committed = false;
		uint64_t began_ns = batch_trace_now(&batch->trace, committer->options.clock);
		enum store_result result = store_resolve(batch->store, &batch->changes, &is_committed);
		batch_trace_step(&batch->trace, BATCH_RESOLVE, began_ns, result != STORE_OK, committer->options.clock);
		if (result == STORE_OK)
			return is_committed ? TRY_DONE : TRY_PAUSE;
		if (clock_monotonic_ns(committer->options.clock) >= batch->store->deadline_ns)
			break;
		count(&committer->counters.retries, 1);
		committer->options.pause(committer->options.context, backoff_next(&backoff, random_u64(committer->options.random)));
	}
	return TRY_DOWN; /* not acknowledged: the client's retry finds what was done by its key */
}

static enum store_result commit_once(struct commit_batch *batch)
{
	assert(batch->result == TRY_DONE);
	assert(batch->count > 0);
	const struct committer_options *options = &batch->committer->options;
	uint64_t began_ns = clock_monotonic_ns(options->clock);
	enum store_result result = store_commit(batch->store, &batch->changes);
	batch_trace_step(&batch->trace, BATCH_COMMIT, began_ns, result != STORE_OK, options->clock);
	if (options->measured != NULL)
		options->measured(options->context, clock_monotonic_ns(options->clock) - began_ns, batch->jobs, batch->count);
	return result;
}

/* Another transaction in the way says nothing about the rows of this one: the same changes are written again, which finds out. */
void commit_batch_commit(struct commit_batch *batch)
{
	assert(batch != NULL && batch->is_taken);
	struct committer *committer = batch->committer;
	struct changes *changes = &batch->changes;
	if (batch->result != TRY_DONE || changes->event_count + changes->relied_count + changes->unused_key_count == 0)
		return;
	assert(changes_check(changes) == NULL);
	struct backoff backoff = {.base_ms = 1, .maximum_ms = PAUSE_MAX_MS};
	changes->ends_turn = batch->has_turn && !commit_turn_goes_on(batch);
	enum store_result result = commit_once(batch);
	for (uint32_t i = 0; result == STORE_BUSY && i < REPEATS_MAX && has_time(batch); i++) {
		count(&committer->counters.conflicts, 1);
		batch->has_answer = true;
		committer->options.pause(committer->options.context, backoff_next(&backoff, random_u64(committer->options.random)));
		result = commit_once(batch);
	}
	if (changes->ends_turn)
		batch->has_turn = false;
	batch->result = result == STORE_UNKNOWN ? resolve(batch) : judge(batch, result);
}

uint64_t commit_batch_deadline_ns(const struct committer *committer)
{
	assert(committer != NULL);
	return clock_monotonic_ns(committer->options.clock) + BUDGET_NS;
}

struct commit_batch *commit_batch_begin(struct committer *committer, struct list *jobs, uint32_t job_count, uint64_t deadline_ns)
{
	assert(deadline_ns > RESOLVE_NS);
	assert(committer != NULL);
	assert(jobs != NULL && job_count > 0);
	struct commit_batch *batch = committer->slots;
	while (atomic_exchange(&batch->is_taken, true)) {
		batch++;
		assert(batch < &committer->slots[committer->options.store_count]);
	}
	batch->jobs = jobs;
	batch->count = job_count;
	batch->tries = 0;
	batch->has_answer = false;
	batch->is_exact = false;
	batch->deadline_ns = deadline_ns;
	batch->store->deadline_ns = deadline_ns - RESOLVE_NS;
	batch->backoff = (struct backoff){.base_ms = PAUSE_BASE_MS, .maximum_ms = PAUSE_MAX_MS};
	batch->trace.context = (struct trace_context){.flags = 0};
	if (committer->options.traced != NULL)
		batch_trace_begin(&batch->trace, jobs, committer->options.clock, committer->options.random);
	return batch;
}

void commit_batch_decide(struct commit_batch *batch, struct list *ret_waiting)
{
	assert(batch != NULL && batch->is_taken);
	assert(list_is_empty(&batch->dispatched));
	struct committer *committer = batch->committer;
	struct view *view = committer->view;
	uint64_t now_ms = clock_now_ms(committer->options.clock);
	arena_clear(&batch->arena);
	changes_init(&batch->changes, &batch->arena, view_clock(view), random_u64(committer->options.random), now_ms);
	if (!has_time(batch)) {
		batch->result = TRY_LATE;
		return;
	}
	pthread_mutex_lock(&committer->lock);
	commit_turn_choose(batch);
	if (batch->is_exact)
		view_step_begin_exact(view, now_ms);
	else
		view_step_begin(loading_view(batch), now_ms);
	batch->result = load(batch, ret_waiting);
	(void)commit_turn_note(batch);
	if (loading_view(batch) != view) {
		view_step_begin(view, now_ms);
		if (!view_absorb(batch->overlay) && batch->result == TRY_DONE)
			batch->result = TRY_AGAIN;
	}
	commit_turn_note_moved(committer);
	if (batch->result == TRY_DONE)
		batch->result = decide_all(batch);
	if (batch->result == TRY_DONE)
		view_step_dispatch(view, &batch->dispatched);
	else
		view_step_failed(view);
	pthread_mutex_unlock(&committer->lock);
}

/* While the rows are still those of the batch: the view may forget them, or let others change them, at once. */
static void tell_committed(const struct commit_batch *batch)
{
	const struct committer_options *options = &batch->committer->options;
	if (batch->changes.event_count > 0 && options->committed != NULL)
		options->committed(options->context, &batch->changes);
}

void commit_batch_settle(struct commit_batch *batch)
{
	assert(batch != NULL && batch->is_taken);
	struct view *view = batch->committer->view;
	store_end(batch->store);
	if (batch->has_turn && !commit_turn_goes_on(batch))
		commit_turn_end(batch);
	if (batch->result == TRY_DONE)
		tell_committed(batch);
	pthread_mutex_lock(&batch->committer->lock);
	bool is_of_this_epoch = batch->changes.epoch == 0 || batch->changes.epoch == view_epoch(view);
	if (batch->result == TRY_DONE && is_of_this_epoch) {
		view_committed(view, &batch->dispatched);
	} else {
		if (batch->result == TRY_AGAIN)
			commit_turn_note_stale(batch);
		view_aborted(view, &batch->dispatched);
		for (uint32_t i = 0; i < batch->changes.relied_count; i++)
			view_forget(view, batch->changes.relied[i]);
	}
	pthread_mutex_unlock(&batch->committer->lock);
}

static void fail_all(struct commit_batch *batch, enum error error)
{
	assert(error != OK);
	list_for_each(node, batch->jobs)
		fail_job(batch, commit_batch_job(node), error, NULL);
	count(&batch->committer->counters.failures, 1);
}

static void succeed(struct commit_batch *batch)
{
	assert(batch->result == TRY_DONE);
	assert(list_is_empty(&batch->dispatched));
	struct committer *committer = batch->committer;
	if (batch->count == 0)
		return; /* all wait for others */
	count(&committer->counters.batches, 1);
	count(&committer->counters.commands, batch->count);
	count(&committer->counters.events, batch->changes.event_count);
}

bool commit_batch_is_answered(struct commit_batch *batch)
{
	assert(batch != NULL && batch->is_taken);
	if (batch->count == 0)
		batch->result = TRY_DONE; /* all wait for others: there is nothing to try again */
	bool is_final = batch->result != TRY_AGAIN && batch->result != TRY_PAUSE;
	if (is_final)
		return true;
	batch->tries++;
	batch->has_answer = true;
	batch->is_exact = batch->is_exact || batch->result == TRY_AGAIN;
	if (batch->tries < batch->committer->options.tries_max && has_time(batch))
		return false;
	batch->result = TRY_LATE;
	return true;
}

void commit_batch_pause(struct commit_batch *batch)
{
	assert(batch->tries > 0);
	assert(batch->result == TRY_AGAIN || batch->result == TRY_PAUSE);
	struct committer *committer = batch->committer;
	bool is_first = batch->tries == 1;
	count(batch->result == TRY_AGAIN ? &committer->counters.stale : &committer->counters.retries, 1);
	if (batch->result == TRY_AGAIN && is_first)
		return;
	committer->options.pause(committer->options.context, backoff_next(&batch->backoff, random_u64(committer->options.random)));
}

/* Of a batch whose every job waits for another nothing is told. */
static void tell_trace(struct commit_batch *batch)
{
	struct batch_trace *trace = &batch->trace;
	const struct committer_options *options = &batch->committer->options;
	assert(batch->is_taken);
	if (!trace_is_sampled(&trace->context) || batch->count == 0)
		return;
	bool is_done = batch->result == TRY_DONE;
	trace->ended_ns = clock_monotonic_ns(options->clock);
	trace->commands = batch->count;
	trace->events = is_done ? batch->changes.event_count : 0;
	trace->rows = is_done ? batch->changes.row_count : 0;
	trace->tries = batch->tries;
	trace->is_failure = !is_done;
	options->traced(options->context, trace, batch->jobs);
}

void commit_batch_cancel(struct commit_batch *batch)
{
	assert(batch->is_taken && list_is_empty(&batch->dispatched));
	tell_trace(batch);
	batch->is_taken = false;
}

void commit_batch_rest(struct commit_batch *batch)
{
	assert(batch != NULL && !batch->is_taken);
	commit_turn_end(batch);
}

void commit_batch_end(struct commit_batch *batch)
{
	assert(batch != NULL && batch->is_taken);
	switch (batch->result) {
	case TRY_DONE:
		succeed(batch);
		break;
	case TRY_LATE:
		fail_all(batch, ERR_OVERLOADED);
		break;
	case TRY_DOWN:
		fail_all(batch, ERR_STORE_UNAVAILABLE);
		break;
	case TRY_CORRUPT:
		fail_all(batch, ERR_CORRUPT);
		break;
	case TRY_FULL:
		fail_all(batch, ERR_NO_MEMORY);
		break;
	case TRY_AGAIN:
	case TRY_PAUSE:
		assert(false && "the batch is answered");
	}
	tell_trace(batch);
	batch->is_taken = false;
}
