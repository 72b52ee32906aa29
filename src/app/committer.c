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
	list_init(&flight->flying);
	flight->loading = committer->options.store_count == 1 ? committer->view : view_new_annex(committer->view);
	return flight->loading == NULL ? ERR_NO_MEMORY : OK;
}

static void release_flight(struct flight *flight)
{
	if (flight->loading != flight->committer->view)
		view_free(flight->loading);
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

void committer_step(struct committer *committer, struct list *jobs, uint32_t job_count, struct list *ret_waiting)
{
	assert(committer != NULL);
	assert(ret_waiting != NULL || committer->options.store_count == 1);
	struct flight *flight = flight_begin(committer, jobs, job_count);
	do {
		flight_decide(flight, ret_waiting);
		flight_commit(flight);
		flight_land(flight);
	} while (!flight_is_over(flight));
}
