/* apply.h: the only function that changes a sale, a seat, a hold, an order, a payment or a refund. Serves the next command of the batch and
 * replay alike. */
#pragma once

#include "base/attributes.h"
#include "base/error.h"
#include "domain/event.h"
#include "domain/state.h"

/* The view holds the rows that the event changes (for replay: event_needs). Returns OK, ERR_NO_MEMORY with the view half changed (the batch
 * has failed), or ERR_CORRUPT when the event cannot follow what the view holds: never for an event of decide's. */
must_check enum error apply(struct view *view, const struct event *event);
