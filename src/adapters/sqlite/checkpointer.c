/* checkpointer.c: a thread that sleeps until the WAL is long enough.
 *
 * A passive checkpoint copies pages beside the writer, so under load there is always a rest, written meanwhile, and the WAL would never begin
 * anew. A full one then takes the writer's lock for that rest alone: short, since nearly everything is copied. */
#include "adapters/sqlite/checkpointer.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "adapters/sqlite/database.h"

/* 4 MiB: short bursts of writing beside the commits, and a WAL that is short enough to be searched fast. */
#define WAL_PAGES 1000

/* For the gap between two commits, and for readers of older pages, while the writer is kept waiting. */
#define WAIT_NS 100000
#define WAIT_TRIES 200

struct checkpointer {
	struct database database;
	pthread_t thread;
	pthread_mutex_t lock; /* guards the two below */
	pthread_cond_t wake;
	bool is_due;
	bool is_stopping;
};

static int wait_for_gap(void *context, int tries)
{
	(void)context;
	struct timespec pause = {.tv_nsec = WAIT_NS};
	(void)nanosleep(&pause, NULL);
	return tries < WAIT_TRIES;
}

static void checkpoint(struct checkpointer *checkpointer)
{
	/* Failures need no answer: the pages stay in the WAL, and the next notice tries again. */
	if (sqlite3_wal_checkpoint_v2(checkpointer->database.handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) == SQLITE_OK)
		(void)sqlite3_wal_checkpoint_v2(checkpointer->database.handle, NULL, SQLITE_CHECKPOINT_FULL, NULL, NULL);
}

static void *run(void *context)
{
	struct checkpointer *checkpointer = context;
	pthread_mutex_lock(&checkpointer->lock);
	while (!checkpointer->is_stopping) {
		if (!checkpointer->is_due) {
			pthread_cond_wait(&checkpointer->wake, &checkpointer->lock);
			continue;
		}
		pthread_mutex_unlock(&checkpointer->lock);
		checkpoint(checkpointer);
		pthread_mutex_lock(&checkpointer->lock);
		checkpointer->is_due = false; /* what became due meanwhile is noticed again by the next commit */
	}
	pthread_mutex_unlock(&checkpointer->lock);
	return NULL;
}

enum error checkpointer_new(const char *path, struct checkpointer **ret_checkpointer, char message[static SQLITE_MESSAGE_MAX])
{
	struct checkpointer *checkpointer = calloc(1, sizeof *checkpointer);
	if (checkpointer == NULL)
		return ERR_NO_MEMORY;
	const struct database_options options = {.path = path, .cache_kib = 64, .syncs = true};
	enum error error = database_open(&options, &checkpointer->database, message);
	if (error != OK) {
		free(checkpointer);
		return error;
	}
	(void)sqlite3_busy_handler(checkpointer->database.handle, wait_for_gap, NULL);
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

void checkpointer_notice(struct checkpointer *checkpointer, uint32_t wal_pages)
{
	assert(checkpointer != NULL);
	if (wal_pages < WAL_PAGES)
		return;
	pthread_mutex_lock(&checkpointer->lock);
	checkpointer->is_due = true;
	pthread_cond_signal(&checkpointer->wake);
	pthread_mutex_unlock(&checkpointer->lock);
}
