/* resume.h: which events a bus has sent and need not send again. Private to the RabbitMQ adapter.
 *
 * A batch that was not confirmed in time comes again: whole, in part, with others between. What of it is confirmed or still under way on the
 * same connection is not sent again: a broker that is slow or was stopped would be given the same messages over and over.
 *
 * Messages of a channel arrive in the order in which they were sent. So an event that was sent precedes everything that is sent later, and
 * leaving it out of a later batch changes no order. The exceptions forget events: what the broker refuses, and what was not confirmed when
 * the connection was lost, is sent again with everything that was sent after it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "adapters/rabbitmq/confirms.h"
#include "base/attributes.h"
#include "base/uuid.h"

#define RESUME_MAX 16384              /* events that are remembered; those beyond are sent again */
#define RESUME_SLOTS (4 * RESUME_MAX) /* of the hash table */

struct resume_entry {
	struct uuid id;
	uint64_t tag; /* 0: confirmed on an earlier connection */
};

/* All zero: nothing was sent. */
struct resume {
	struct resume_entry entries[RESUME_MAX]; /* in the order of sending */
	uint32_t count;
	uint32_t slots[RESUME_SLOTS]; /* index of an entry plus 1, by the hash of its id; 0: empty */
	uint32_t indexed_count;       /* entries that the table has */
	uint64_t refused_tag;         /* the first that the broker has refused; 0: none */
};

/* The broker has refused this message, and may have refused others behind it. */
void resume_refuse(struct resume *resume, uint64_t tag);
/* The connection was lost: forgets what is not confirmed and what was sent after that. Before the confirms are reset. */
void resume_reconnect(struct resume *resume, const struct confirms *confirms);
/* A batch begins: forgets what was refused and what was sent after that. */
void resume_begin(struct resume *resume);
/* Whether the event was sent before the batch began, and is confirmed or under way. */
must_check bool resume_has(struct resume *resume, const struct uuid *id);
/* The event was sent with this tag. */
void resume_add(struct resume *resume, const struct uuid *id, uint64_t tag);
/* Everything that was sent is confirmed, and the caller knows. */
void resume_finish(struct resume *resume);
