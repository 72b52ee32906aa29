/* log_queue.h: a queue of lines for a file, so that no caller waits for a pipe that nobody reads. Private to obs.
 *
 * Two buffers of LOG_QUEUE_SIZE: callers fill one while a thread writes the other, then they change places. Writes are whole lines, at
 * most PIPE_BUF bytes of them, so that lines of several processes on one pipe stay whole too. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/slice.h"

#define LOG_QUEUE_SIZE ((size_t)1 << 20)

struct log_queue;

/* Starts the thread. fd: borrowed. ERR_NO_MEMORY, ERR_SYSTEM. */
must_check enum error log_queue_new(int fd, struct log_queue **ret_queue);
/* Writes the waiting lines, for at most a second, and ends the thread. Takes NULL. */
void log_queue_free(struct log_queue *queue);
/* From now on SIGABRT waits, for at most a second, until this queue is written. For one queue of the process, until log_queue_free. */
void log_queue_flush_on_abort(struct log_queue *queue);

/* line: ends with a line feed, at most PIPE_BUF bytes; copied. False when there is no room: the last quarter is for urgent lines.
 * Urgent lines are written at once, others within milliseconds, many in one write. Safe from any thread; never waits for the file. */
must_check bool log_queue_push(struct log_queue *queue, struct slice line, bool is_urgent);
/* Lines that were taken and could not be written, as on a full disk. Safe from any thread. */
uint64_t log_queue_lost(const struct log_queue *queue);
/* The file has refused the last line that was written. Safe from any thread. */
bool log_queue_is_refused(const struct log_queue *queue);
