/* writers.c: a list of the files that are open, and a queue for each. */
#include "adapters/sqlite/writers.h"

#include <assert.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/list.h"

#define TURN_SECONDS_MAX 2 /* as long as for SQLite's lock */

struct writers {
	struct list_node node; /* of `all` */
	dev_t device;
	ino_t file;
	uint32_t count; /* of stores; guarded by all_lock */
	struct checkpointer *checkpointer;
	pthread_mutex_t lock; /* guards what follows */
	struct list waiting;  /* struct waiter, first come, first served */
	bool is_taken;
};

struct waiter {
	struct list_node node;
	pthread_cond_t wake;
	bool has_turn;
};

static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER; /* guards: */
static struct list all = {.head = {.next = &all.head, .previous = &all.head}};

static struct writers *find(const struct stat *file)
{
	assert(file != NULL);
	for (struct list_node *node = all.head.next; node != &all.head; node = node->next) {
		struct writers *writers = container_of(node, struct writers, node);
		if (writers->device == file->st_dev && writers->file == file->st_ino)
			return writers;
	}
	return NULL;
}

static enum error make(const char *path, const struct stat *file, struct writers **ret_writers, char message[static SQLITE_MESSAGE_MAX])
{
	struct writers *writers = calloc(1, sizeof *writers);
	assert(ret_writers != NULL);
	if (writers == NULL)
		return ERR_NO_MEMORY;
	enum error error = checkpointer_new(path, NULL, &writers->checkpointer, message);
	if (error != OK) {
		free(writers);
		return error;
	}
	writers->device = file->st_dev;
	writers->file = file->st_ino;
	pthread_mutex_init(&writers->lock, NULL);
	list_init(&writers->waiting);
	list_push(&all, &writers->node);
	*ret_writers = writers;
	return OK;
}

enum error writers_join(const char *path, struct writers **ret_writers, char message[static SQLITE_MESSAGE_MAX])
{
	assert(path != NULL && ret_writers != NULL);
	struct stat file = {0};
	enum error error = OK;
	pthread_mutex_lock(&all_lock);
	/* A file that is not found is shared by nobody. */
	struct writers *writers = stat(path, &file) == 0 ? find(&file) : NULL;
	if (writers == NULL)
		error = make(path, &file, &writers, message);
	if (error == OK) {
		writers->count++;
		*ret_writers = writers;
	}
	pthread_mutex_unlock(&all_lock);
	return error;
}

void writers_leave(struct writers *writers)
{
	if (writers == NULL)
		return;
	pthread_mutex_lock(&all_lock);
	assert(writers->count > 0);
	bool is_last = --writers->count == 0;
	if (is_last)
		list_remove(&writers->node);
	pthread_mutex_unlock(&all_lock);
	if (!is_last)
		return;
	assert(!writers->is_taken && list_is_empty(&writers->waiting));
	checkpointer_free(writers->checkpointer);
	pthread_mutex_destroy(&writers->lock);
	free(writers);
}

/* False: the time is over. Under the lock. */
static bool wait_for_turn(struct writers *writers)
{
	struct waiter waiter = {0};
	struct timespec until;
	pthread_condattr_t by_monotonic;
	assert(writers->is_taken);
	pthread_condattr_init(&by_monotonic);
	pthread_condattr_setclock(&by_monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&waiter.wake, &by_monotonic);
	pthread_condattr_destroy(&by_monotonic);
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += TURN_SECONDS_MAX;
	list_push(&writers->waiting, &waiter.node);
	int code = 0;
	while (!waiter.has_turn && code == 0)
		code = pthread_cond_timedwait(&waiter.wake, &writers->lock, &until);
	if (!waiter.has_turn)
		list_remove(&waiter.node);
	pthread_cond_destroy(&waiter.wake);
	return waiter.has_turn;
}

int writers_take_turn(struct writers *writers)
{
	assert(writers != NULL);
	pthread_mutex_lock(&writers->lock);
	bool is_mine = !writers->is_taken || wait_for_turn(writers);
	writers->is_taken = true;
	pthread_mutex_unlock(&writers->lock);
	return is_mine ? SQLITE_OK : SQLITE_BUSY;
}

void writers_end_turn(struct writers *writers)
{
	assert(writers != NULL && writers->is_taken);
	pthread_mutex_lock(&writers->lock);
	struct list_node *next = list_pop(&writers->waiting);
	if (next == NULL) {
		writers->is_taken = false;
	} else {
		struct waiter *waiter = container_of(next, struct waiter, node);
		waiter->has_turn = true;
		pthread_cond_signal(&waiter->wake);
	}
	pthread_mutex_unlock(&writers->lock);
}

uint32_t writers_waiting(struct writers *writers)
{
	uint32_t count = 0;
	assert(writers != NULL);
	pthread_mutex_lock(&writers->lock);
	for (const struct list_node *node = writers->waiting.head.next; node != &writers->waiting.head; node = node->next)
		count++;
	pthread_mutex_unlock(&writers->lock);
	return count;
}

struct checkpointer *writers_checkpointer(struct writers *writers)
{
	assert(writers != NULL && writers->checkpointer != NULL);
	return writers->checkpointer;
}
