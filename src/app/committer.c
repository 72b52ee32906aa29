/* committer.c: one batch from load to commit, again and again until the store has said yes or no. */
#include "app/committer.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "app/job.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/defect.h"
#include "codec/event_json.h"
#include "domain/apply.h"
#include "domain/changes.h"
#include "domain/decide.h"
#include "domain/needs.h"
#include "domain/view.h"
#include "pipeline/backoff.h"

#define BATCH_ARENA_BLOCK (256 * 1024)
#define BATCH_ARENA_MAX (512 * 1024 * 1024) /* an event of a million listed seats is the largest batch */
#define EVENT_DATA_MAX (128 * 1024 * 1024)
#define PAUSE_BASE_MS 2
#define PAUSE_MAX_MS 250
#define PATIENCE_NS UINT64_C(3000000000) /* no try is begun after this: clients wait, and so does whatever is queued behind */

struct committer {
	struct committer_options options;
	struct committer_counters counters;
	struct view *view;
	struct arena arena;    /* of the batch; cleared when a try begins */
	struct buffer scratch; /* an event's data while it is written */
};

enum attempt {
	ATTEMPT_DONE,   /* every job has its outcome */
	ATTEMPT_AGAIN,  /* load and decide again, at once */
	ATTEMPT_PAUSE,  /* the same, after a pause */
	ATTEMPT_DOWN,   /* the store does not serve */
	ATTEMPT_BROKEN, /* stored data cannot be right, or there is no memory */
};

/* A batch on its way. */
struct batch {
	struct committer *committer;
	struct list *jobs;
	struct changes changes;
	uint32_t count;
	uint32_t tries;
};

enum error committer_new(const struct committer_options *options, struct committer **ret_committer)
{
	assert(options != NULL && options->store != NULL && options->clock != NULL && options->random != NULL);
	assert(options->tries_max > 0 && options->pause != NULL);
	struct committer *committer = calloc(1, sizeof *committer);
	if (committer == NULL)
		return ERR_NO_MEMORY;
	committer->options = *options;
	struct hash_seed seed = {.k0 = random_u64(options->random), .k1 = random_u64(options->random)};
	committer->view = view_new(options->view_rows_max, seed);
	if (committer->view == NULL) {
		free(committer);
		return ERR_NO_MEMORY;
	}
	arena_init(&committer->arena, BATCH_ARENA_BLOCK, BATCH_ARENA_MAX);
	buffer_init(&committer->scratch, NULL, EVENT_DATA_MAX);
	*ret_committer = committer;
	return OK;
}

void committer_free(struct committer *committer)
{
	if (committer == NULL)
		return;
	buffer_release(&committer->scratch);
	arena_release(&committer->arena);
	view_free(committer->view);
	free(committer);
}

const struct committer_counters *committer_counters(const struct committer *committer)
{
	return &committer->counters;
}

static void count(_Atomic uint64_t *counter, uint64_t by)
{
	atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

static struct job *job_of(struct list_node *node)
{
	return container_of(node, struct job, node);
}

static enum attempt attempt_of(enum store_result result)
{
	switch (result) {
	case STORE_OK:
		return ATTEMPT_DONE;
	case STORE_STALE:
		return ATTEMPT_AGAIN;
	case STORE_BUSY:
	case STORE_UNKNOWN:
		return ATTEMPT_PAUSE;
	case STORE_DOWN:
		return ATTEMPT_DOWN;
	case STORE_CORRUPT:
		break;
	}
	return ATTEMPT_BROKEN;
}

/* Keys are looked up first where that is free, where a repeat is likely, and after a collision that may have been one. */
static bool wants_key(const struct batch *batch, const struct job *job)
{
	return batch->committer->options.store->has_local_reads || job->is_repeat || batch->tries > 0;
}

static enum attempt load(struct batch *batch)
{
	struct committer *committer = batch->committer;
	for (uint32_t round = 0; round < NEEDS_ROUNDS_MAX; round++) {
		struct needs needs;
		needs_init(&needs, &committer->arena);
		list_for_each(node, batch->jobs) {
			const struct job *job = job_of(node);
			if (command_needs(&job->command, committer->view, wants_key(batch, job), &needs) != OK)
				return ATTEMPT_BROKEN;
		}
		if (needs_are_empty(&needs))
			return ATTEMPT_DONE;
		needs_finish(&needs);
		enum store_result result = store_load(committer->options.store, &needs, committer->view);
		if (result != STORE_OK)
			return attempt_of(result);
	}
	return ATTEMPT_PAUSE; /* the rows move faster than they can be read */
}

/* What the client is told of the event; data is NULL out of memory. */
static struct slice answer_of(struct committer *committer, const struct event *event, struct arena *arena)
{
	if (!event_answer_differs(event))
		return arena_copy(arena, event->data);
	buffer_clear(&committer->scratch);
	event_answer_write(&committer->scratch, event);
	return committer->scratch.failed ? (struct slice){0} : arena_copy(arena, buffer_slice(&committer->scratch));
}

/* A payment reported again is answered with what its event's data says of the order. */
static enum error answer_payment_again(struct committer *committer, struct job *job)
{
	/* Any type of an order's event reads its data: what the order became is in there. */
	struct event event = {.type = EVENT_ORDER_CONFIRMED, .stream_id = job->outcome.resource_id};
	enum error error = event_data_read(job->outcome.body, &committer->arena, &event);
	if (error != OK)
		return error;
	job->outcome.body = answer_of(committer, &event, job->command.arena);
	return job->outcome.body.data == NULL ? ERR_NO_MEMORY : OK;
}

/* A repeat of the key later in this very batch finds it used. */
static enum error remember_key(struct committer *committer, const struct event *event)
{
	if (!event->idempotency.is_present)
		return OK;
	const struct key key = {
		.row.version = uuid_stamp(&event->id),
		.idempotency = event->idempotency,
		.stream_id = event->stream_id,
		.answer = event->data,
	};
	return view_put_key(committer->view, &key) == NULL ? ERR_NO_MEMORY : OK;
}

/* Writes the data of the events from `first` on, applies them, and answers the job with the last. */
static enum error apply_events(struct batch *batch, uint32_t first, struct job *job)
{
	struct committer *committer = batch->committer;
	struct event *event = NULL;
	for (uint32_t i = first; i < batch->changes.event_count; i++) {
		event = &batch->changes.events[i];
		buffer_clear(&committer->scratch);
		event_data_write(&committer->scratch, event);
		if (committer->scratch.failed)
			return ERR_NO_MEMORY;
		event->data = arena_copy(&committer->arena, buffer_slice(&committer->scratch));
		if (event->data.data == NULL)
			return ERR_NO_MEMORY;
		enum error error = apply(committer->view, event);
		if (error != OK)
			return error;
	}
	job->outcome.body = answer_of(committer, event, job->command.arena);
	if (job->outcome.body.data == NULL)
		return ERR_NO_MEMORY;
	return remember_key(committer, event);
}

/* Nothing was changed, so no event will collide with an earlier use of the key: its absence is checked with the commit. A key that was looked
 * up and not found is checked too: rows read after it may show what the first request with it has done meanwhile. */
static enum error rely_on_unused_key(struct batch *batch, const struct job *job)
{
	const struct idempotency *idempotency = &job->command.idempotency;
	const struct key *key = idempotency->is_present ? view_key(batch->committer->view, idempotency->key) : NULL;
	bool is_used = key != NULL && key->row.version != 0;
	return !idempotency->is_present || is_used || DEFECT(KEY_OF_REFUSAL) ? OK : changes_add_unused_key(&batch->changes, idempotency);
}

/* What the job has changed may be half done: the batch is decided again, without it. */
static enum attempt give_up_on(struct job *job)
{
	job->cannot_be_served = true;
	return ATTEMPT_AGAIN;
}

static enum attempt decide_job(struct batch *batch, struct job *job)
{
	if (job->cannot_be_served) {
		job->outcome = (struct outcome){.error = ERR_INTERNAL};
		return ATTEMPT_DONE;
	}
	uint32_t first = batch->changes.event_count;
	enum error error = decide(&job->command, batch->committer->view, &batch->changes, &job->outcome);
	if (error == ERR_CORRUPT && batch->tries + 1 < batch->committer->options.tries_max) {
		view_clear(batch->committer->view);
		return ATTEMPT_AGAIN;
	}
	if (error != OK) { /* this command alone cannot be served; nothing of it is in the changes */
		job->outcome = (struct outcome){.error = ERR_INTERNAL};
		return ATTEMPT_DONE;
	}
	if (job->outcome.is_replayed) {
		bool is_payment = job->command.kind == COMMAND_PAYMENT;
		error = is_payment ? answer_payment_again(batch->committer, job) : OK;
		return error == OK ? ATTEMPT_DONE : give_up_on(job);
	}
	/* A success, too, rests on more than it writes: on the sale being open, or on the seats of a late payment being taken. */
	bool has_changed = batch->changes.event_count > first;
	if (!DEFECT(UNRELIABLE))
		command_rely(&job->command, batch->committer->view, !has_changed);
	error = has_changed ? apply_events(batch, first, job) : rely_on_unused_key(batch, job);
	return error == OK ? ATTEMPT_DONE : give_up_on(job);
}

static enum attempt decide_all(struct batch *batch)
{
	list_for_each(node, batch->jobs) {
		enum attempt attempt = decide_job(batch, job_of(node));
		if (attempt != ATTEMPT_DONE)
			return attempt;
	}
	return changes_collect(&batch->changes, batch->committer->view) == OK ? ATTEMPT_DONE : ATTEMPT_BROKEN;
}

/* Whether a commit whose answer was lost happened. It is asked until the store answers or patience ends. */
static enum attempt resolve(struct batch *batch)
{
	struct committer *committer = batch->committer;
	struct backoff backoff = {.base_ms = PAUSE_BASE_MS, .maximum_ms = PAUSE_MAX_MS};
	if (DEFECT(UNKNOWN_TAKEN_AS_DONE))
		return ATTEMPT_DONE;
	if (batch->changes.event_count == 0 || DEFECT(UNKNOWN_TRIED_AGAIN))
		return ATTEMPT_PAUSE; /* it would have written nothing */
	for (uint32_t i = 0; i < committer->options.tries_max; i++) {
		bool is_committed = false;
		enum store_result result = store_resolve(committer->options.store, &batch->changes, &is_committed);
		if (result == STORE_OK)
			return is_committed ? ATTEMPT_DONE : ATTEMPT_PAUSE;
		count(&committer->counters.retries, 1);
		committer->options.pause(committer->options.context, backoff_next(&backoff, random_u64(committer->options.random)));
	}
	return ATTEMPT_DOWN; /* not acknowledged: the client's retry finds what was done by its key */
}

static enum attempt commit(struct batch *batch)
{
	const struct committer_options *options = &batch->committer->options;
	const struct changes *changes = &batch->changes;
	assert(changes_check(changes) == NULL);
	if (changes->event_count + changes->relied_count + changes->unused_key_count == 0)
		return ATTEMPT_DONE;
	uint64_t began_ns = clock_monotonic_ns(options->clock);
	enum store_result result = store_commit(options->store, changes);
	if (options->measured != NULL)
		options->measured(options->context, clock_monotonic_ns(options->clock) - began_ns, batch->count);
	return result == STORE_UNKNOWN ? resolve(batch) : attempt_of(result);
}

static enum attempt try_batch(struct batch *batch)
{
	struct committer *committer = batch->committer;
	uint64_t now_ms = clock_now_ms(committer->options.clock);
	arena_clear(&committer->arena);
	view_step_begin(committer->view, now_ms);
	changes_init(&batch->changes, &committer->arena, view_clock(committer->view), random_u64(committer->options.random), now_ms);
	enum attempt attempt = load(batch);
	if (attempt == ATTEMPT_DONE)
		attempt = decide_all(batch);
	if (attempt == ATTEMPT_DONE)
		attempt = commit(batch);
	if (attempt == ATTEMPT_DONE)
		view_step_committed(committer->view);
	else
		view_step_failed(committer->view);
	return attempt;
}

static void fail_all(struct batch *batch, enum error error)
{
	list_for_each(node, batch->jobs)
		job_of(node)->outcome = (struct outcome){.error = error};
	count(&batch->committer->counters.failures, 1);
}

static void succeed(struct batch *batch)
{
	struct committer *committer = batch->committer;
	count(&committer->counters.batches, 1);
	count(&committer->counters.commands, batch->count);
	count(&committer->counters.events, batch->changes.event_count);
	if (batch->changes.event_count > 0 && committer->options.committed != NULL)
		committer->options.committed(committer->options.context, batch->changes.event_count);
}

void committer_step(struct committer *committer, struct list *jobs, uint32_t job_count)
{
	assert(committer != NULL && jobs != NULL && job_count > 0);
	const struct committer_options *options = &committer->options;
	struct batch batch = {.committer = committer, .jobs = jobs, .count = job_count};
	struct backoff backoff = {.base_ms = PAUSE_BASE_MS, .maximum_ms = PAUSE_MAX_MS};
	uint64_t began_ns = clock_monotonic_ns(options->clock);
	bool is_patient = true;
	for (; is_patient && batch.tries < options->tries_max; batch.tries++) {
		switch (try_batch(&batch)) {
		case ATTEMPT_DONE:
			succeed(&batch);
			return;
		case ATTEMPT_AGAIN:
			count(&committer->counters.stale, 1);
			break;
		case ATTEMPT_PAUSE:
			count(&committer->counters.retries, 1);
			options->pause(options->context, backoff_next(&backoff, random_u64(options->random)));
			break;
		case ATTEMPT_DOWN:
			fail_all(&batch, ERR_STORE_UNAVAILABLE);
			return;
		case ATTEMPT_BROKEN:
			fail_all(&batch, ERR_INTERNAL);
			return;
		}
		is_patient = clock_monotonic_ns(options->clock) - began_ns < PATIENCE_NS;
	}
	fail_all(&batch, ERR_STORE_UNAVAILABLE);
}
