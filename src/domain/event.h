/* event.h: a domain event: a fact, appended once and never changed.
 *
 * Each belongs to one stream (a hold's, an order's or an event's), has the next sequence number of it, and carries the resource as the
 * event left it: its data is the client's answer, the published message, and all that replay needs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/trace_context.h"
#include "base/uuid.h"
#include "domain/key.h"
#include "domain/layout.h"
#include "domain/money.h"
#include "domain/order.h"
#include "domain/payment.h"
#include "domain/refund.h"

/* X(NAME, "type as published", stream, is_published). Numbers are stored: append only. */
#define EVENT_TYPES(X) \
	X(EVENT_SALE_CREATED, "event.created", STREAM_SALE, true) \
	X(EVENT_SALE_PAUSED, "event.paused", STREAM_SALE, true) \
	X(EVENT_SALE_RESUMED, "event.resumed", STREAM_SALE, true) \
	X(EVENT_SALE_CANCELLED, "event.cancelled", STREAM_SALE, true) \
	X(EVENT_HOLD_CREATED, "hold.created", STREAM_HOLD, true) \
	X(EVENT_HOLD_RELEASED, "hold.released", STREAM_HOLD, true) \
	X(EVENT_HOLD_EXPIRED, "hold.expired", STREAM_HOLD, true) \
	X(EVENT_ORDER_CREATED, "order.created", STREAM_ORDER, true) \
	X(EVENT_ORDER_CONFIRMED, "order.confirmed", STREAM_ORDER, true) \
	X(EVENT_ORDER_FAILED, "order.failed", STREAM_ORDER, true) \
	X(EVENT_ORDER_EXPIRED, "order.expired", STREAM_ORDER, true) \
	X(EVENT_ORDER_CANCELLED, "order.cancelled", STREAM_ORDER, true) \
	X(EVENT_ORDER_REFUND_REQUIRED, "order.refund_required", STREAM_ORDER, true) \
	X(EVENT_ORDER_PAYMENT_FAILED, "order.payment_failed", STREAM_ORDER, true) \
	X(EVENT_ORDER_PAYMENT_MISMATCH, "order.payment_mismatch", STREAM_ORDER, true) \
	X(EVENT_ORDER_REFUNDED, "order.refunded", STREAM_ORDER, true) \
	X(EVENT_SALE_SETTLED, "event.settled", STREAM_SALE, false)

enum stream_kind {
	STREAM_SALE,
	STREAM_HOLD,
	STREAM_ORDER,
};

enum event_type {
	EVENT_NONE = 0,
#define X(name, text, stream, is_published) name,
	EVENT_TYPES(X)
#undef X
		EVENT_TYPE_COUNT,
};

/* The public description of an event, from which the catalog's entry is made. */
struct sale_details {
	struct slice name;
	struct slice venue;
	struct slice description; /* may be empty */
	uint64_t starts_at_ms;
};

#define REFUNDS_DUE_UNKNOWN INT64_C(-1)

/* A refund as a domain event tells of it; the order and the event are the domain event's. */
struct event_refund {
	struct uuid refund_id;
	struct slice transaction_id; /* of the payment that is given back */
	int64_t amount;
	struct currency currency;
	enum refund_reason reason;
	enum refund_status status;
	uint64_t created_at_ms;
	uint64_t done_at_ms; /* 0 while due */
};

/* The parts that a type does not use are zero. Slices and arrays are borrowed: from the view, the command or the decoder's arena. */
struct event {
	struct uuid id; /* version 7: its stamp is the version of every row it changes */
	enum event_type type;
	struct uuid stream_id; /* the hold, the order or the event */
	uint32_t sequence;     /* 1, 2, 3 … within the stream */
	uint64_t occurred_at_ms;
	struct slice actor; /* a user, or "expiry-worker", "payment", "operator" */
	struct slice from;  /* whence an operator asked for it: an address; empty: no operator did. Kept in the audit, not with the event */
	struct trace_context trace;
	struct slice trace_state;       /* for its message; empty: none */
	struct idempotency idempotency; /* on the event that answers a command which has a key: its last one */

	struct uuid event_id;
	struct slice user;              /* owner of the hold or order */
	uint64_t created_at_ms;         /* of the hold, order or event */
	uint64_t deadline_ms;           /* a hold's expires_at, an order's pay_by */
	const struct order_item *items; /* seats, with their prices in order events (0 in hold events) */
	uint32_t item_count;

	struct uuid hold_id;            /* the hold an order was made of */
	enum order_status order_status; /* as the order reads after this event: order_status_read */
	enum payment_method payment_method;
	int64_t total;
	struct currency currency;
	bool refund_required;
	int64_t refunds_due; /* of the order after this event, in its currency; REFUNDS_DUE_UNKNOWN in events written before there were refunds */

	struct slice transaction_id; /* events that a payment report made; empty otherwise */
	enum payment_status payment_status;
	bool has_paid; /* the report said how much */
	int64_t paid_amount;
	struct currency paid_currency;

	/* The refund that order.refund_required and order.payment_mismatch make, which has the id of the event and its time; or the refunds
	 * that order.refunded closes. */
	struct event_refund refunds[REFUNDS_PER_PAYMENT_MAX];
	uint32_t refund_count;

	/* event.created and what changes a sale */
	struct sale_details details;
	struct layout layout; /* event.created only */
	uint32_t seat_count;
	uint64_t seats_version; /* the stamp of an event.created whose seats are stored already, with this version; 0: they come with it */
	uint64_t on_sale_from_ms;
	uint64_t on_sale_until_ms;

	struct slice data; /* the resource as JSON (codec/event_json.h); filled before the event is committed */
};

/* An event about the order as it is, with the next sequence; the caller sets what the event changes. Borrows from the row. It says what the
 * order becomes only when it is appended. */
void event_of_order(enum event_type type, const struct order *order, struct event *ret_event);

/* "hold.created"; static. */
const char *event_type_name(enum event_type type);
/* EVENT_NONE when there is no such type. */
enum event_type event_type_parse(struct slice name);
enum stream_kind event_type_stream(enum event_type type);
/* Whether it goes to the outbox. */
bool event_type_is_published(enum event_type type);
