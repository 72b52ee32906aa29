/* committer.c: a view, the flights that share it, and a batch's way on one of them. */
#include "app/committer.h"

#include <assert.h>
#include <stdlib.h>

#include "app/flight.h"

#define BATCH_ARENA_BLOCK (256 * 1024)
#define BATCH_ARENA_MAX (512 * 1024 * 1024) /* an event of a million listed seats is the largest batch */
#define EVENT_DATA_MAX (128 * 1024 * 1024)

static enum error init_flight(struct committer *committer, struct flight *flight, struct store *store)
{
	flight->committer = committer;
	flight->store = store;
	arena_init(&flight->arena, BATCH_ARENA_BLOCK, BATCH_ARENA_MAX);
	buffer_init(&flight->scratch, NULL, EVENT_DATA_MAX);
	list_init(&flight->dispatched);
	if (committer->options.store_count == 1)
		return OK;
	flight->overlay = view_new_overlay(committer->view);
	return flight->overlay == NULL ? ERR_NO_MEMORY : OK;
}

static void release_flight(struct flight *flight)
{
	view_free(flight->overlay);
	buffer_release(&flight->scratch);
	arena_release(&flight->arena);
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
	for (; error == OK && committer->flight_count < options->store_count; committer->flight_count++)
		error = init_flight(committer, &committer->flights[committer->flight_count], options->stores[committer->flight_count]);
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
	for (uint32_t i = 0; i < committer->flight_count; i++)
		release_flight(&committer->flights[i]);
	pthread_mutex_destroy(&committer->lock);
	view_free(committer->view);
	free(committer);
}

const struct committer_counters *committer_counters(const struct committer *committer)
{
	return &committer->counters;
}

void committer_rest(struct committer *committer)
{
	assert(committer != NULL);
	if (committer->flight_count == 1)
		flight_rest(&committer->flights[0]);
}

/* One batch, from load to commit, again and again until the store has said yes or no, or its time is over. Answers how many jobs are left on
 * the list; with FLIGHT_CORRUPT, and more than one, they have no outcome. */
static uint32_t serve(struct committer *committer, struct list *jobs, uint32_t job_count, uint64_t deadline_ns, struct list *ret_waiting,
                      enum flight_result *ret_result)
{
	struct flight *flight = flight_begin(committer, jobs, job_count, deadline_ns);
	for (;;) {
		flight_decide(flight, ret_waiting);
		flight_commit(flight);
		flight_land(flight);
		if (flight_is_answered(flight))
			break;
		flight_pause(flight);
	}
	uint32_t left = flight->count;
	*ret_result = flight->result;
	if (flight->result == FLIGHT_CORRUPT && left > 1)
		flight_cancel(flight);
	else
		flight_end(flight);
	return left;
}

/* Halves what is left to be served until the one job stands alone whose rows cannot be read; the others are served. */
static bool serve_apart(struct committer *committer, struct list *jobs, uint32_t job_count, uint64_t deadline_ns, struct list *ret_waiting)
{
	struct list served;
	list_init(&served);
	uint32_t size = job_count, left = job_count;
	bool is_up = true;
	while (left > 0) {
		struct list part;
		list_init(&part);
		size = size < left ? size : left;
		for (uint32_t i = 0; i < size; i++)
			list_push(&part, list_pop(jobs));
		enum flight_result result;
		uint32_t kept = serve(committer, &part, size, deadline_ns, ret_waiting, &result);
		is_up = is_up && result != FLIGHT_DOWN;
		left -= size;
		if (result != FLIGHT_CORRUPT || kept <= 1) {
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
	return is_up;
}

bool committer_step(struct committer *committer, struct list *jobs, uint32_t job_count, struct list *ret_waiting)
{
	assert(committer != NULL);
	assert(ret_waiting != NULL || committer->options.store_count == 1);
	return serve_apart(committer, jobs, job_count, flight_deadline_ns(committer), ret_waiting);
}
