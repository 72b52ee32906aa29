/* event_json.h: the data of a domain event as JSON: the hold, order or event as it is right after.
 *
 * But for little the same text is the answer to the client, the `data` of history and of the published message, and what replay reads
 * back:
 *   hold.*   {hold_id, event_id, user_id, seats:[…], status, expires_at, created_at}
 *   order.*  {order_id, event_id, hold_id, user_id, status, total, currency, payment_method, pay_by, refund_required, refunds_due,
 *   items:[{seat, price}], created_at}
 *            and, when a payment report made it, transaction_id, payment_status and, when it said so, paid_amount and paid_currency;
 *            and the refunds that it made or closed: refunds:[{refund_id, transaction_id, amount, currency, reason, status, created_at,
 *            done_at?}]
 *   event.*  event.created: the public description (codec/sale_json.h) and the layout: sections:[…] or seats:[…] as they were given;
 *            the others: {event_id, status}. */
#pragma once

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/json_writer.h"
#include "domain/event.h"
#include "domain/hold.h"
#include "domain/order.h"
#include "domain/refund.h"

void event_data_write(struct buffer *buffer, const struct event *event);
/* Fills the event's fields from data; type, ids, sequence and metadata are set by the caller before. Texts live in the arena. ERR_CORRUPT,
 * ERR_NO_MEMORY. */
must_check enum error event_data_read(struct slice data, struct arena *arena, struct event *event);

/* The client's part of the data: without the layout of a new event, the payment of an order, and its refunds. */
void event_answer_write(struct buffer *buffer, const struct event *event);
/* Whether that differs from the data. */
bool event_answer_differs(const struct event *event);

/* The resource as it is now, for GET: a hold or order past its deadline reads EXPIRED. */
void hold_write(struct buffer *buffer, const struct hold *hold, uint64_t now_ms);
void order_write(struct buffer *buffer, const struct order *order, uint64_t now_ms);
/* {refund_id, order_id, event_id, transaction_id, amount, currency, reason, status, created_at, done_at?}; an object of its own, also in an
 * array. */
void refund_write(struct json_writer *writer, const struct refund *refund);
