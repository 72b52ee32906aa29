/* resume.h: where a batch that failed goes on when it comes again. Private to the RabbitMQ adapter.
 *
 * Its first messages may be confirmed by then, or still under way on the same connection. They are not sent again: a broker that is too slow
 * for a whole batch would be given the same messages over and over, and become slower with each. */
#pragma once

#include <stdint.h>

#include "adapters/rabbitmq/confirms.h"
#include "ports/reader.h"

#define RESUME_MAX 16384 /* messages of a batch that are remembered; those behind are sent again */

/* All zero: nothing was sent. */
struct resume {
	struct uuid ids[RESUME_MAX]; /* of the events that were sent, from the first of the batch on */
	uint32_t count;
	uint32_t first_index; /* of the event that was sent with … */
	uint64_t first_tag;   /* … this tag; those behind it had the next tags */
	uint64_t refused_tag; /* the first that the broker has refused; 0: none */
};

/* The broker has refused this message, and may have refused others behind it. */
void resume_refuse(struct resume *resume, uint64_t tag);
/* The connection was lost: what is not confirmed has to be sent again. Before the confirms are reset. */
void resume_reconnect(struct resume *resume, const struct confirms *confirms);
/* A batch comes. Answers how many messages at its beginning are not to be sent, because they are confirmed or under way. */
uint32_t resume_begin(struct resume *resume, const struct confirms *confirms, const struct event_record *const *records, uint32_t count);
/* The next message of the batch was sent. */
void resume_add(struct resume *resume, const struct uuid *id);
/* The whole batch is confirmed. */
void resume_finish(struct resume *resume);
