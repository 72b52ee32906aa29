/* event_batch.h: reads a message with several events, application/cloudevents-batch+json. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"
#include "base/slice.h"
#include "codec/json_reader.h"

#define EVENT_BATCH_CONTENT_TYPE "application/cloudevents-batch+json"

struct event_batch {
	struct json_walk walk;
};

/* Borrowed from the message. A member that the event lacks, or has with escapes, is empty. */
struct batched_event {
	struct slice body; /* the item, a JSON object unless the message is wrong */
	struct slice id;
	struct slice type;
	struct slice traceparent, tracestate;
};

/* False: the body is no JSON array. */
must_check bool event_batch_open(struct slice body, struct event_batch *ret_batch);
/* False after the last. */
must_check bool event_batch_next(struct event_batch *batch, struct batched_event *ret_event);

/* True if a routing key matches a pattern of topic exchanges: words with dots between, "*" for any one, "#" for any number of them. */
must_check bool topic_matches(struct slice pattern, struct slice key);
