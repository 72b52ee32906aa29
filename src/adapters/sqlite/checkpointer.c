/* checkpointer.c: a thread that sleeps until the WAL has grown enough.
 *
 * It copies pages beside the writer, so under load there is always a rest, written meanwhile, and the WAL would never begin anew. When that has
 * made it long the writer copies the rest itself, between two commits: little, since nearly everything is copied. */
#include "adapters/sqlite/checkpointer.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapters/sqlite/database.h"

#define BURST_PAGES 1000 /* 4 MiB: short bursts of writing beside the commits */
#define LONG_PAGES 16000 /* 64 MiB: the writer's turn costs a sync of the file, so it is rare. Only what is not copied yet is searched */

struct checkpointer {
	struct database database;
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wake;
	uint32_t wal_pages;    /* as of the last commit */
	uint32_t copied_pages; /* of them, by the last checkpoint */
	uint32_t long_pages;   /* from so many on it is the writer's turn */
	bool is_running;       /* a checkpoint of the thread */
	bool is_stopping;
};

static bool is_due(const struct checkpointer *checkpointer)
{
	assert(checkpointer->copied_pages <= checkpointer->wal_pages);
	return checkpointer->wal_pages >= checkpointer->copied_pages + BURST_PAGES;
}

/* A failure needs no answer: the pages stay, and later commits lead to the next try. */
static void *run(void *context)
{
	assert(context != NULL);
	struct checkpointer *checkpointer = context;
	pthread_mutex_lock(&checkpointer->lock);
	while (!checkpointer->is_stopping) {
		if (!is_due(checkpointer)) {
			pthread_cond_wait(&checkpointer->wake, &checkpointer->lock);
			continue;
		}
		checkpointer->copied_pages = checkpointer->wal_pages;
		checkpointer->is_running = true;
		pthread_mutex_unlock(&checkpointer->lock);
		(void)sqlite3_wal_checkpoint_v2(checkpointer->database.handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
		pthread_mutex_lock(&checkpointer->lock);
		checkpointer->is_running = false;
	}
	pthread_mutex_unlock(&checkpointer->lock);
	return NULL;
}

enum error checkpointer_new(const char *path, struct checkpointer **ret_checkpointer, char message[static SQLITE_MESSAGE_MAX])
{
	assert(path != NULL && ret_checkpointer != NULL);
	struct checkpointer *checkpointer = calloc(1, sizeof *checkpointer);
	if (checkpointer == NULL)
		return ERR_NO_MEMORY;
	const struct database_options options = {.path = path, .cache_kib = 64, .syncs = true};
	enum error error = database_open(&options, &checkpointer->database, message);
	if (error != OK) {
		free(checkpointer);
		return error;
	}
	checkpointer->long_pages = LONG_PAGES;
	pthread_mutex_init(&checkpointer->lock, NULL);
	pthread_cond_init(&checkpointer->wake, NULL);
	if (pthread_create(&checkpointer->thread, NULL, run, checkpointer) != 0) {
		(void)snprintf(message, SQLITE_MESSAGE_MAX, "%s: no thread for checkpoints", path);
		database_release(&checkpointer->database);
		free(checkpointer);
		return ERR_SYSTEM;
	}
	*ret_checkpointer = checkpointer;
	return OK;
}

void checkpointer_free(struct checkpointer *checkpointer)
{
	if (checkpointer == NULL)
		return;
	pthread_mutex_lock(&checkpointer->lock);
	checkpointer->is_stopping = true;
	pthread_cond_signal(&checkpointer->wake);
	pthread_mutex_unlock(&checkpointer->lock);
	(void)pthread_join(checkpointer->thread, NULL);
	pthread_cond_destroy(&checkpointer->wake);
	pthread_mutex_destroy(&checkpointer->lock);
	database_release(&checkpointer->database);
	free(checkpointer);
}

bool checkpointer_notice(struct checkpointer *checkpointer, uint32_t wal_pages)
{
	assert(checkpointer != NULL);
	pthread_mutex_lock(&checkpointer->lock);
	if (wal_pages < checkpointer->wal_pages) { /* it has begun anew */
		checkpointer->copied_pages = 0;
		checkpointer->long_pages = LONG_PAGES;
	}
	checkpointer->wal_pages = wal_pages;
	if (is_due(checkpointer))
		pthread_cond_signal(&checkpointer->wake);
	bool is_writers_turn = !is_due(checkpointer) && !checkpointer->is_running && wal_pages >= checkpointer->long_pages;
	if (is_writers_turn) /* a reader of older pages may keep it from beginning anew: not again at once */
		checkpointer->long_pages = wal_pages + BURST_PAGES;
	pthread_mutex_unlock(&checkpointer->lock);
	return is_writers_turn;
}
