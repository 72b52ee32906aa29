/* log_queue.c: the thread of the log. */
#include "obs/log_queue.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/now.h"

#define ORDINARY_SIZE (LOG_QUEUE_SIZE / 4 * 3) /* the part that lines may fill that are not urgent */
#define LINGER_MS 5                            /* an ordinary line waits so long for others to be written with it */
#define POLL_MS 50                             /* a stuck file is tried again so often */
#define GIVE_UP_MS 1000                        /* after the end, for what still waits */

struct log_queue {
	int fd;
	pthread_t writer;
	_Atomic uint64_t pending;       /* bytes taken from callers and not written yet */
	_Atomic uint64_t give_up_at_ms; /* 0 until the end begins */
	_Atomic uint64_t lost;          /* lines that the file refused */
	_Atomic bool is_refused;        /* it has refused the last */
	char *writing;                  /* the writer's own */

	pthread_mutex_t mutex; /* guards what follows */
	pthread_cond_t wake;   /* for the writer */
	bool is_ending;
	bool is_urgent; /* an urgent line waits */
	char *waiting;
	size_t waiting_length;
};

static _Atomic(struct log_queue *) abort_queue; /* a signal handler has no other way to it */

/* A line of which a part is missing is lost as well. */
static uint64_t count_lines(const char *data, size_t length)
{
	uint64_t count = 0;
	for (const char *end = data; (end = memchr(end, '\n', length - (size_t)(end - data))) != NULL; end++)
		count++;
	return count;
}

/* Lines that the file refuses are counted and dropped; a full file is tried again until the time limit of the end. */
static void write_piece(struct log_queue *queue, const char *data, size_t length)
{
	assert(length > 0 && data[length - 1] == '\n');
	while (length > 0) {
		uint64_t give_up_at_ms = atomic_load(&queue->give_up_at_ms);
		if (give_up_at_ms != 0 && monotonic_now_ms() >= give_up_at_ms) {
			queue->lost += count_lines(data, length);
			return;
		}
		/* A pipe that is ready takes PIPE_BUF bytes without blocking, so that the thread can always be ended. */
		struct pollfd ready = {.fd = queue->fd, .events = POLLOUT};
		if (poll(&ready, 1, POLL_MS) == 0)
			continue;
		ssize_t written = write(queue->fd, data, length);
		if (written < 0 && errno != EINTR && errno != EAGAIN) {
			queue->is_refused = true;
			queue->lost += count_lines(data, length);
			return;
		}
		if (written > 0) {
			queue->is_refused = false;
			data += written;
			length -= (size_t)written;
		}
	}
}

static void write_lines(struct log_queue *queue, const char *data, size_t length)
{
	while (length > 0) {
		size_t piece = length;
		if (piece > PIPE_BUF) {
			const char *last = memrchr(data, '\n', PIPE_BUF);
			assert(last != NULL);
			piece = (size_t)(last - data) + 1;
		}
		write_piece(queue, data, piece);
		data += piece;
		length -= piece;
	}
}

/* Waits for lines, and a little longer for more of them. False when it is the end and none are left. The mutex is held. */
static bool wait_for_lines(struct log_queue *queue)
{
	while (queue->waiting_length == 0 && !queue->is_ending)
		pthread_cond_wait(&queue->wake, &queue->mutex);

	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LINGER_MS * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!queue->is_urgent && !queue->is_ending && queue->waiting_length < LOG_QUEUE_SIZE / 2) {
		if (pthread_cond_timedwait(&queue->wake, &queue->mutex, &until) == ETIMEDOUT)
			break;
	}
	return queue->waiting_length > 0;
}

static void *writer_run(void *argument)
{
	struct log_queue *queue = argument;
	pthread_setname_np(pthread_self(), "log");

	pthread_mutex_lock(&queue->mutex);
	while (wait_for_lines(queue)) {
		char *lines = queue->waiting;
		size_t length = queue->waiting_length;
		queue->waiting = queue->writing;
		queue->waiting_length = 0;
		queue->writing = lines;
		queue->is_urgent = false;
		pthread_mutex_unlock(&queue->mutex);

		write_lines(queue, lines, length);
		atomic_fetch_sub(&queue->pending, length);
		pthread_mutex_lock(&queue->mutex);
	}
	pthread_mutex_unlock(&queue->mutex);
	return NULL;
}

static enum error start_writer(struct log_queue *queue)
{
	/* The signals of the process are for other threads, and SIGPIPE then shows as EPIPE. */
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&queue->writer, NULL, writer_run, queue);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed != 0)
		return ERR_SYSTEM;
	return OK;
}

static void free_storage(struct log_queue *queue)
{
	pthread_cond_destroy(&queue->wake);
	pthread_mutex_destroy(&queue->mutex);
	free(queue->waiting);
	free(queue->writing);
	free(queue);
}

enum error log_queue_new(int fd, struct log_queue **ret_queue)
{
	assert(fd >= 0);
	assert(ret_queue != NULL);

	struct log_queue *queue = calloc(1, sizeof *queue);
	if (queue == NULL)
		return ERR_NO_MEMORY;
	queue->fd = fd;
	pthread_mutex_init(&queue->mutex, NULL);
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&queue->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	queue->waiting = malloc(LOG_QUEUE_SIZE);
	queue->writing = malloc(LOG_QUEUE_SIZE);
	enum error error = queue->waiting == NULL || queue->writing == NULL ? ERR_NO_MEMORY : start_writer(queue);
	if (error != OK) {
		free_storage(queue);
		return error;
	}
	*ret_queue = queue;
	return OK;
}

void log_queue_free(struct log_queue *queue)
{
	if (queue == NULL)
		return;
	struct log_queue *expected = queue;
	atomic_compare_exchange_strong(&abort_queue, &expected, NULL);

	atomic_store(&queue->give_up_at_ms, monotonic_now_ms() + GIVE_UP_MS);
	pthread_mutex_lock(&queue->mutex);
	queue->is_ending = true;
	pthread_cond_signal(&queue->wake);
	pthread_mutex_unlock(&queue->mutex);
	pthread_join(queue->writer, NULL);
	free_storage(queue);
}

/* Only waits, with what a signal handler may call: the writer was woken when the lines came. */
static void on_abort(int signal_number)
{
	(void)signal_number;
	struct log_queue *queue = atomic_load(&abort_queue);
	const struct timespec pause = {.tv_nsec = 1000000};
	for (int i = 0; queue != NULL && i < GIVE_UP_MS && atomic_load(&queue->pending) > 0; i++)
		nanosleep(&pause, NULL);
}

void log_queue_flush_on_abort(struct log_queue *queue)
{
	assert(queue != NULL);
	assert(atomic_load(&abort_queue) == NULL);

	atomic_store(&abort_queue, queue);
	struct sigaction action = {.sa_handler = on_abort, .sa_flags = (int)SA_RESETHAND};
	sigaction(SIGABRT, &action, NULL);
}

bool log_queue_push(struct log_queue *queue, struct slice line, bool is_urgent)
{
	assert(queue != NULL);
	assert(line.length > 0 && line.length <= PIPE_BUF && line.data[line.length - 1] == '\n');

	pthread_mutex_lock(&queue->mutex);
	size_t before = queue->waiting_length;
	size_t after = before + line.length;
	bool has_room = after <= (is_urgent ? LOG_QUEUE_SIZE : ORDINARY_SIZE);
	if (has_room) {
		memcpy(queue->waiting + before, line.data, line.length);
		queue->waiting_length = after;
		atomic_fetch_add(&queue->pending, line.length);
		bool is_first_urgent = is_urgent && !queue->is_urgent;
		bool is_half_full = before < LOG_QUEUE_SIZE / 2 && after >= LOG_QUEUE_SIZE / 2;
		queue->is_urgent |= is_urgent;
		if (before == 0 || is_first_urgent || is_half_full)
			pthread_cond_signal(&queue->wake);
	}
	pthread_mutex_unlock(&queue->mutex);
	return has_room;
}

bool log_queue_is_refused(const struct log_queue *queue)
{
	assert(queue != NULL);

	return queue->is_refused;
}

uint64_t log_queue_lost(const struct log_queue *queue)
{
	assert(queue != NULL);

	return queue->lost;
}
