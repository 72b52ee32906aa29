/* committer.c: a view, the slots of the batches in flight that share it, and a batch's way in one of them. */
#include "app/committer.h"

#include <assert.h>
#include <stdlib.h>

#include "app/commit_batch.h"

#define BATCH_ARENA_BLOCK (256 * 1024)
#define BATCH_ARENA_MAX (512 * 1024 * 1024) /* an event of a million listed seats is the largest batch */
#define EVENT_DATA_MAX (128 * 1024 * 1024)

static enum error init_batch(struct committer *committer, struct commit_batch *batch, struct store *store)
{
	assert(store != NULL && committer->view != NULL);
	batch->committer = committer;
	batch->store = store;
	arena_init(&batch->arena, BATCH_ARENA_BLOCK, BATCH_ARENA_MAX);
	buffer_init(&batch->scratch, NULL, EVENT_DATA_MAX);
	list_init(&batch->dispatched);
	if (committer->options.store_count == 1)
		return OK;
	batch->overlay = view_new_overlay(committer->view);
	return batch->overlay == NULL ? ERR_NO_MEMORY : OK;
}

static void release_batch(struct commit_batch *batch)
{
	assert(batch != NULL);
	view_free(batch->overlay);
	buffer_release(&batch->scratch);
	arena_release(&batch->arena);
}

enum error committer_new(const struct committer_options *options, struct committer **ret_committer)
{
	assert(options != NULL && options->stores != NULL && options->clock != NULL && options->random != NULL);
	assert(options->store_count > 0 && options->store_count <= COMMITS_IN_FLIGHT_MAX);
	assert(options->tries_max > 0 && options->pause != NULL);
	struct committer *committer = calloc(1, sizeof *committer);
	if (committer == NULL)
		return ERR_NO_MEMORY;
	committer->options = *options;
	pthread_mutex_init(&committer->lock, NULL);
	struct hash_seed seed = {.k0 = random_u64(options->random), .k1 = random_u64(options->random)};
	committer->view = view_new(options->view_rows_max, seed);
	enum error error = committer->view == NULL ? ERR_NO_MEMORY : OK;
	for (; error == OK && committer->slot_count < options->store_count; committer->slot_count++)
		error = init_batch(committer, &committer->slots[committer->slot_count], options->stores[committer->slot_count]);
	if (error != OK) {
		committer_free(committer);
		return error;
	}
	*ret_committer = committer;
	return OK;
}

void committer_free(struct committer *committer)
{
	if (committer == NULL)
		return;
	for (uint32_t i = 0; i < committer->slot_count; i++)
		release_batch(&committer->slots[i]);
	pthread_mutex_destroy(&committer->lock);
	view_free(committer->view);
	free(committer);
}

const struct committer_counters *committer_counters(const struct committer *committer)
{
	assert(committer != NULL);
	return &committer->counters;
}

void committer_rest(struct committer *committer)
{
	assert(committer != NULL);
	if (committer->slot_count == 1)
		commit_batch_rest(&committer->slots[0]);
}

/* One batch, from load to commit, again and again until the store has said yes or no, or its time is over. Answers how many jobs are left
 * on the list; with TRY_CORRUPT, and more than one, they have no outcome. */
static uint32_t serve(struct committer *committer, struct list *jobs, uint32_t job_count, uint64_t deadline_ns, bool is_first,
                      struct list *ret_waiting, enum try_result *ret_result)
{
	assert(job_count > 0);
	assert(ret_result != NULL);
	struct commit_batch *batch = commit_batch_begin(committer, jobs, job_count, deadline_ns);
	batch->has_answer = !is_first;
	for (;;) {
		commit_batch_decide(batch, ret_waiting);
		commit_batch_commit(batch);
		commit_batch_settle(batch);
		if (commit_batch_is_answered(batch))
			break;
		commit_batch_pause(batch);
	}
	uint32_t left = batch->count;
	*ret_result = batch->result;
	if (batch->result == TRY_CORRUPT && left > 1)
		commit_batch_cancel(batch);
	else
		commit_batch_end(batch);
	return left;
}

static enum committer_finding worse_of(enum committer_finding known, enum try_result result)
{
	assert(result != TRY_AGAIN && result != TRY_PAUSE);
	enum committer_finding found = result == TRY_DOWN ? COMMITTER_DOWN : result == TRY_LATE ? COMMITTER_LATE : COMMITTER_SERVED;
	return found > known ? found : known;
}

/* Halves what is left to be served until the one job stands alone whose rows cannot be read; the others are served. The parts have the time
 * of one batch in all. */
static enum committer_finding serve_apart(struct committer *committer, struct list *jobs, uint32_t job_count, uint64_t deadline_ns,
                                          struct list *ret_waiting)
{
	assert(jobs != NULL && jobs != ret_waiting);
	struct list served;
	list_init(&served);
	uint32_t size = job_count, left = job_count;
	enum committer_finding found = COMMITTER_SERVED;
	for (bool is_first = true; left > 0; is_first = false) {
		struct list part;
		list_init(&part);
		size = size < left ? size : left;
		for (uint32_t i = 0; i < size; i++)
			list_push(&part, list_pop(jobs));
		enum try_result result;
		uint32_t kept = serve(committer, &part, size, deadline_ns, is_first, ret_waiting, &result);
		found = worse_of(found, result);
		left -= size;
		if (result != TRY_CORRUPT || kept <= 1) {
			list_splice(&served, &part);
			size = size * 2;
			continue;
		}
		list_splice(&part, jobs);
		list_splice(jobs, &part);
		left += kept;
		size = kept / 2;
	}
	list_splice(jobs, &served);
	return found;
}

enum committer_finding committer_step(struct committer *committer, struct list *jobs, uint32_t job_count, struct list *ret_waiting)
{
	assert(jobs != NULL && job_count > 0);
	assert(committer != NULL);
	assert(ret_waiting != NULL || committer->options.store_count == 1);
	return serve_apart(committer, jobs, job_count, commit_batch_deadline_ns(committer), ret_waiting);
}
