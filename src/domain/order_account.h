/* order_account.h: applies the events of an order to its status and money. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"
#include "domain/event.h"
#include "domain/order.h"

/* Applies an event of the order's stream, other than order.created, to the order's status, sequence and money. False: the sums do not
 * fit the order. Decisions call it on a copy to learn the order's state after the event; apply calls it on the row. */
must_check bool order_take(struct order *order, const struct event *event);
