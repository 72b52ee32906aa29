/* log_limit.h: lets the same message pass at most LOG_LIMIT_LINES times a second, and counts the others. Private to obs. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

#define LOG_LIMIT_LINES 10
#define LOG_LIMIT_MESSAGES 64 /* that are told apart; messages are texts of the program, of which there are fewer. Others have no limit */

struct log_limit_message {
	const char *text; /* static; NULL: free */
	uint64_t second;  /* of `lines` */
	uint32_t lines;   /* in it */
	uint32_t left_out;
};

struct log_limit {
	pthread_mutex_t mutex; /* guards what follows */
	struct log_limit_message messages[LOG_LIMIT_MESSAGES];
};

void log_limit_init(struct log_limit *limit);
void log_limit_release(struct log_limit *limit);
/* True if the message may be logged now; else it counts as left out. message: static. Safe from any thread. */
must_check bool log_limit_allows(struct log_limit *limit, const char *message, uint64_t now_ms);
/* A message of which lines were left out in a second that is over (any: now_ms is UINT64_MAX), and how many, which are forgotten with that.
 * NULL: none. Safe from any thread. */
const char *log_limit_take(struct log_limit *limit, uint64_t now_ms, uint32_t *ret_left_out);
