/* confirms.h: which of the messages under way the broker has settled: confirmed or refused. Private to the RabbitMQ adapter.
 *
 * The messages of a channel have tags from 1. They are settled in any order, one or many at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

#define CONFIRMS_MAX 8192 /* messages under way */

enum confirm_state {
	CONFIRM_AWAITED,
	CONFIRM_DONE,
	CONFIRM_REFUSED,
};

struct confirms {
	uint64_t first;              /* the oldest tag that is not settled */
	uint64_t next;               /* the tag of the next message */
	uint8_t state[CONFIRMS_MAX]; /* enum confirm_state of the last tags before next, at tag % CONFIRMS_MAX */
};

/* A new channel. */
void confirms_reset(struct confirms *confirms);
/* Messages from the oldest that is not settled on. */
uint32_t confirms_count(const struct confirms *confirms);
/* A message was sent; there is room for it. */
void confirms_add(struct confirms *confirms);
/* tag 0 with is_multiple: all of them. Answers how many were not settled before. */
uint32_t confirms_settle(struct confirms *confirms, uint64_t tag, bool is_multiple, bool is_refused);
/* Of one of the last CONFIRMS_MAX messages. */
must_check enum confirm_state confirms_state(const struct confirms *confirms, uint64_t tag);
