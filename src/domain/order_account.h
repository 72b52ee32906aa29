/* order_account.h: what each event of an order does to its account. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"
#include "domain/event.h"
#include "domain/order.h"

/* What an event of the order's stream, but order.created, does to the order's status, sequence and money. False: the money cannot be so.
 * Decisions use it on a copy, to know what the order is after the event, and apply on the row itself. */
must_check bool order_take(struct order *order, const struct event *event);
