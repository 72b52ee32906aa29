/* commit_turn.c: one turn at a time, for as many batches as begin within it. */
#include "app/commit_turn.h"

#include <assert.h>

#include "app/job.h"
#include "state/needs.h"

#define CONTENDED_NS UINT64_C(500000000) /* so long after a row was found moved batches take turns with its shard */
#define TURN_NS UINT64_C(10000000)       /* after which a turn is given to the next */
#define NO_TURNS_NS UINT64_C(2000000000)
#define CROWD 8 /* commands of a batch that want the same event */

static bool has_turn(const struct committer *committer, const struct commit_batch *batch, const struct shard_set *shards)
{
	assert(committer == batch->committer);
	return batch->has_turn && clock_monotonic_ns(committer->options.clock) < batch->turn_until_ns &&
	       shard_set_holds(&batch->turn, shards);
}

/* The shards of the batch that others change, too, or probably do: where there are several servers and one of them has seen the others in
 * its way, a crowd that goes on to the next event does so at all of them. */
static struct shard_set find_contended(const struct commit_batch *batch, uint64_t now_ns)
{
	assert(batch->count > 0);
	const struct committer *committer = batch->committer;
	struct shard_set shards = {0};
	uint32_t commands[SHARD_COUNT] = {0};
	list_for_each(node, batch->jobs) {
		uint8_t shard = command_shard(&commit_batch_job(node)->command);
		bool is_crowded = ++commands[shard] >= CROWD && now_ns < committer->contended_until_ns[committer->contended_last];
		if (batch->is_exact || is_crowded || now_ns < committer->contended_until_ns[shard])
			shard_set_add(&shards, shard);
	}
	return shards;
}

/* The try is exact when the last one met rows that had moved. While others change rows of the shards it takes a turn with them, and
 * believes nothing that it knew of them before. */
void commit_turn_choose(struct commit_batch *batch)
{
	assert(batch->is_taken && batch->count > 0);
	struct committer *committer = batch->committer;
	uint64_t now_ns = clock_monotonic_ns(committer->options.clock);
	struct shard_set shards = find_contended(batch, now_ns);
	batch->is_contended = !shard_set_is_empty(&shards);
	bool takes_turn = batch->is_contended && store_has_turns(batch->store) && now_ns >= committer->no_turns_until_ns &&
	                  !has_turn(committer, batch, &shards);
	batch->is_alone = batch->is_exact || takes_turn;
	if (batch->is_exact)
		store_begin(batch->store);
	if (!takes_turn)
		return;
	batch->store->operations->take_turn(batch->store, &shards);
	batch->has_turn = true;
	batch->turn = shards;
	batch->turn_until_ns = UINT64_MAX; /* until it is had */
	for (uint32_t shard = 0; shard < SHARD_COUNT; shard++)
		if (shard_set_has(&shards, (uint8_t)shard))
			view_distrust(committer->view, (uint8_t)shard);
}

/* The load has taken the turn, or its wait timed out: then the process that has the turn may hang, and nobody waits for it again for a
 * while. */
bool commit_turn_note(struct commit_batch *batch)
{
	assert(batch->turn_until_ns != UINT64_MAX || batch->has_turn || !batch->is_alone);
	if (!batch->has_turn || batch->turn_until_ns != UINT64_MAX)
		return false;
	uint64_t now_ns = clock_monotonic_ns(batch->committer->options.clock);
	batch->turn_until_ns = now_ns + TURN_NS;
	if (batch->store->missed_turn)
		batch->committer->no_turns_until_ns = now_ns + NO_TURNS_NS;
	return true;
}

/* A joined command may be of a shard that is not in the turn although others change its rows: then the view is believed as little as at the
 * begin of a turn. */
static void distrust_others(struct commit_batch *batch, struct list *jobs)
{
	assert(batch->has_turn);
	const struct committer *committer = batch->committer;
	uint64_t now_ns = clock_monotonic_ns(committer->options.clock);
	list_for_each(node, jobs) {
		uint8_t shard = command_shard(&commit_batch_job(node)->command);
		if (now_ns < committer->contended_until_ns[shard] && !shard_set_has(&batch->turn, shard))
			view_distrust(committer->view, shard);
	}
}

/* Clients that have just been answered come again one by one, and the first of them is a batch that waits for its turn alone. Without those
 * that came meanwhile most turns would be spent on a batch of a few commands, with a commit of its own. Batches that share a view do
 * without: a command that joins one might have to wait for another. */
void commit_turn_gather(struct commit_batch *batch)
{
	assert(batch->is_taken);
	const struct committer_options *options = &batch->committer->options;
	if (!commit_turn_note(batch) || batch->tries > 0 || batch->committer->slot_count > 1 || options->take_more == NULL)
		return;
	struct list jobs;
	list_init(&jobs);
	pthread_mutex_unlock(&batch->committer->lock); /* with one batch at a time nobody else wants the view */
	uint32_t count = options->take_more(options->context, batch->count, &jobs);
	pthread_mutex_lock(&batch->committer->lock);
	distrust_others(batch, &jobs);
	list_splice(batch->jobs, &jobs);
	batch->count += count;
}

/* A turn goes on while commands wait and its time is not over. */
bool commit_turn_goes_on(const struct commit_batch *batch)
{
	assert(batch->has_turn);
	const struct committer_options *options = &batch->committer->options;
	return batch->committer->slot_count == 1 && options->has_more != NULL && options->has_more(options->context) &&
	       !batch->store->missed_turn && clock_monotonic_ns(options->clock) < batch->turn_until_ns;
}

void commit_turn_end(struct commit_batch *batch)
{
	assert(batch->committer->slot_count >= 1);
	if (batch->has_turn)
		batch->store->operations->end_turn(batch->store);
	batch->has_turn = false;
}

static void note_contended(struct committer *committer, uint8_t shard)
{
	assert(committer->view != NULL);
	committer->contended_until_ns[shard] = clock_monotonic_ns(committer->options.clock) + CONTENDED_NS;
	committer->contended_last = shard;
}

void commit_turn_note_moved(struct committer *committer)
{
	assert(committer->view != NULL);
	struct shard_set moved = view_take_moved(committer->view);
	for (uint32_t shard = 0; !shard_set_is_empty(&moved) && shard < SHARD_COUNT; shard++)
		if (shard_set_has(&moved, (uint8_t)shard))
			note_contended(committer, (uint8_t)shard);
}

void commit_turn_note_stale(struct commit_batch *batch)
{
	assert(batch->is_taken);
	uint32_t commands[SHARD_COUNT] = {0};
	list_for_each(node, batch->jobs) {
		uint8_t shard = command_shard(&commit_batch_job(node)->command);
		if (++commands[shard] == CROWD)
			note_contended(batch->committer, shard);
	}
}
