/* checkpointer.c: a thread that sleeps until the WAL has grown enough.
 *
 * The thread copies pages beside the writer, so under load there is always a rest, written meanwhile, and the WAL would never begin anew.
 * When that has made the WAL long the writer copies the rest itself, between two commits: little, since nearly everything is copied.
 *
 * A writer that is faster than the thread never finds a short rest. When the WAL is full the writer waits for one whole checkpoint of the
 * thread, after which nothing is left, and the next commit begins the WAL anew. */
#include "adapters/sqlite/checkpointer.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "adapters/sqlite/database.h"
#include "base/now.h"

#define PAUSE_NS 1000000

/* 4 MiB: short bursts of writing beside the commits. 64 MiB: the writer's turn costs a sync of the file, so it is rare. 128 MiB: the
 * bound. */
static const struct checkpointer_limits limits_of_server = {.burst = 1000, .longer = 16000, .full = 32000, .wait_ms = 500};

struct checkpointer {
	struct database database;
	struct checkpointer_limits limits;
	pthread_t thread;
	pthread_mutex_t lock;  /* guards what follows */
	pthread_cond_t wake;   /* the thread: there is something to do */
	pthread_cond_t ended;  /* writers: a checkpoint of the thread has ended */
	uint32_t wal_pages;    /* as of the last commit */
	uint32_t tried_pages;  /* of them, when the last checkpoint began */
	uint32_t copied_pages; /* of them, as that checkpoint said: fewer when a reader of an older moment kept it from going on */
	uint32_t long_pages;   /* limits.longer, or more when a reader keeps the WAL from beginning anew */
	uint32_t full_pages;   /* limits.full, or more for the same reason */
	uint64_t ended_count;  /* checkpoints of the thread */
	bool is_running;       /* one of them */
	bool is_asked;         /* for one, by a writer that waits */
	bool is_stopping;
};

static bool is_due(const struct checkpointer *checkpointer)
{
	assert(checkpointer->tried_pages <= checkpointer->wal_pages);
	return checkpointer->is_asked || checkpointer->wal_pages >= checkpointer->tried_pages + checkpointer->limits.burst;
}

/* SQLite syncs the file only when a checkpoint has copied all pages that there are at its end. Under load there are always more, and the
 * sync of all that was copied since would be left to the writer's turn. */
static void sync_file(struct checkpointer *checkpointer)
{
	sqlite3_file *file = NULL;
	assert(checkpointer->is_running);
	if (sqlite3_file_control(checkpointer->database.handle, NULL, SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK &&
	    file->pMethods != NULL)
		(void)file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
}

/* A failure needs no answer: the pages stay, and later commits lead to the next try. Only a writer that waits is not answered by the
 * checkpoint of another connection, which may not have seen its commit. */
static void copy(struct checkpointer *checkpointer)
{
	assert(!checkpointer->is_running);
	int copied = -1;
	bool was_asked = checkpointer->is_asked;
	checkpointer->tried_pages = checkpointer->wal_pages;
	checkpointer->is_asked = false;
	checkpointer->is_running = true;
	pthread_mutex_unlock(&checkpointer->lock);
	int code = sqlite3_wal_checkpoint_v2(checkpointer->database.handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, &copied);
	pthread_mutex_lock(&checkpointer->lock);
	bool is_others = was_asked && (code & 0xff) == SQLITE_BUSY, is_overtaken = checkpointer->wal_pages > checkpointer->tried_pages;
	if (code == SQLITE_OK && copied >= 0) /* the WAL may have begun anew meanwhile */
		checkpointer->copied_pages = (uint32_t)copied < checkpointer->wal_pages ? (uint32_t)copied : checkpointer->wal_pages;
	pthread_mutex_unlock(&checkpointer->lock);
	if (code == SQLITE_OK && is_overtaken)
		sync_file(checkpointer);
	if (is_others)
		pause_ns(PAUSE_NS);
	pthread_mutex_lock(&checkpointer->lock);
	checkpointer->is_running = false;
	checkpointer->is_asked |= is_others;
	checkpointer->ended_count += !is_others;
	pthread_cond_broadcast(&checkpointer->ended);
}

static void *run(void *context)
{
	assert(context != NULL);
	struct checkpointer *checkpointer = context;
	pthread_mutex_lock(&checkpointer->lock);
	while (!checkpointer->is_stopping) {
		if (is_due(checkpointer))
			copy(checkpointer);
		else
			pthread_cond_wait(&checkpointer->wake, &checkpointer->lock);
	}
	pthread_mutex_unlock(&checkpointer->lock);
	return NULL;
}

static void init_conditions(struct checkpointer *checkpointer)
{
	pthread_condattr_t by_monotonic;
	assert(checkpointer->database.handle != NULL);
	pthread_mutex_init(&checkpointer->lock, NULL);
	pthread_cond_init(&checkpointer->wake, NULL);
	pthread_condattr_init(&by_monotonic);
	pthread_condattr_setclock(&by_monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&checkpointer->ended, &by_monotonic);
	pthread_condattr_destroy(&by_monotonic);
}

static void begin_anew(struct checkpointer *checkpointer)
{
	assert(checkpointer->limits.burst < checkpointer->limits.longer && checkpointer->limits.longer < checkpointer->limits.full);
	checkpointer->tried_pages = checkpointer->copied_pages = 0;
	checkpointer->long_pages = checkpointer->limits.longer;
	checkpointer->full_pages = checkpointer->limits.full;
}

enum error checkpointer_new(const char *path, const struct checkpointer_limits *limits, struct checkpointer **ret_checkpointer,
                            char message[static SQLITE_MESSAGE_MAX])
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
	checkpointer->limits = limits == NULL ? limits_of_server : *limits;
	begin_anew(checkpointer);
	init_conditions(checkpointer);
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
	pthread_cond_destroy(&checkpointer->ended);
	pthread_cond_destroy(&checkpointer->wake);
	pthread_mutex_destroy(&checkpointer->lock);
	database_release(&checkpointer->database);
	free(checkpointer);
}

/* Waits until the thread has ended so many checkpoints more. False: the time was over before. */
static bool wait_for_thread(struct checkpointer *checkpointer, uint32_t checkpoints)
{
	struct timespec until;
	assert(!checkpointer->is_stopping && checkpointer->limits.wait_ms > 0);
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	uint64_t nanoseconds = (uint64_t)until.tv_nsec + UINT64_C(1000000) * checkpointer->limits.wait_ms;
	until.tv_sec += (time_t)(nanoseconds / 1000000000);
	until.tv_nsec = (long)(nanoseconds % 1000000000);
	uint64_t wanted = checkpointer->ended_count + checkpoints;
	pthread_cond_signal(&checkpointer->wake);
	int code = 0;
	while (checkpointer->ended_count < wanted && code == 0)
		code = pthread_cond_timedwait(&checkpointer->ended, &checkpointer->lock, &until);
	return checkpointer->ended_count >= wanted;
}

/* When pages are left after a whole checkpoint a reader needs the WAL, which may grow by as much again as it may without one; when the time
 * was over, by a burst. */
static void hold_back(struct checkpointer *checkpointer)
{
	const struct checkpointer_limits *limits = &checkpointer->limits;
	assert(checkpointer->wal_pages >= checkpointer->full_pages);
	checkpointer->is_asked = true;
	/* One that is under way may not have seen the last commit. */
	bool is_caught_up = wait_for_thread(checkpointer, checkpointer->is_running ? 2 : 1);
	if (!is_caught_up || checkpointer->copied_pages < checkpointer->wal_pages)
		checkpointer->full_pages = checkpointer->wal_pages + (is_caught_up ? limits->full - limits->longer : limits->burst);
}

static uint32_t rest_of(const struct checkpointer *checkpointer)
{
	assert(checkpointer->copied_pages <= checkpointer->wal_pages);
	return checkpointer->wal_pages - checkpointer->copied_pages;
}

void checkpointer_note(struct checkpointer *checkpointer, uint32_t wal_pages)
{
	assert(checkpointer != NULL);
	pthread_mutex_lock(&checkpointer->lock);
	if (wal_pages < checkpointer->wal_pages)
		begin_anew(checkpointer);
	checkpointer->wal_pages = wal_pages;
	if (is_due(checkpointer))
		pthread_cond_signal(&checkpointer->wake);
	pthread_mutex_unlock(&checkpointer->lock);
}

bool checkpointer_settle(struct checkpointer *checkpointer, bool is_patient)
{
	assert(checkpointer != NULL);
	pthread_mutex_lock(&checkpointer->lock);
	bool is_behind = rest_of(checkpointer) >= 2 * checkpointer->limits.burst && (checkpointer->is_running || is_due(checkpointer));
	if (checkpointer->wal_pages >= checkpointer->full_pages)
		hold_back(checkpointer);
	else if (is_patient && is_behind)
		(void)wait_for_thread(checkpointer, 1);
	uint32_t rest = rest_of(checkpointer);
	bool is_writers_turn = !checkpointer->is_running && rest > 0 && rest < checkpointer->limits.burst &&
	                       checkpointer->wal_pages >= checkpointer->long_pages;
	if (is_writers_turn) /* a reader of older pages may keep the WAL from beginning anew: not again at once */
		checkpointer->long_pages = checkpointer->wal_pages + checkpointer->limits.burst;
	pthread_mutex_unlock(&checkpointer->lock);
	return is_writers_turn;
}
