/* confirms.h: which of the messages under way the broker has settled: confirmed or refused. Private to the RabbitMQ adapter.
 *
 * The messages of a channel have tags from 1. They are settled in any order, one or many at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

#define CONFIRMS_MAX 2048 /* messages under way */

struct confirms {
	uint64_t first;                /* the oldest tag that is not settled */
	uint64_t next;                 /* the tag of the next message */
	bool is_settled[CONFIRMS_MAX]; /* of the tags from first to before next, at tag % CONFIRMS_MAX */
};

/* A new channel. */
void confirms_reset(struct confirms *confirms);
/* Messages from the oldest that is not settled on. */
uint32_t confirms_count(const struct confirms *confirms);
/* A message was sent; there is room for it. */
void confirms_add(struct confirms *confirms);
/* tag 0 with is_multiple: all of them. Answers how many were not settled before. */
uint32_t confirms_settle(struct confirms *confirms, uint64_t tag, bool is_multiple);
