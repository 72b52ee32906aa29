/* command.h: a request to change something, in the words of the rules. Ids of what it would make are drawn before it is submitted, so that
 * deciding twice makes the same thing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "base/trace_context.h"
#include "base/uuid.h"
#include "domain/event.h"
#include "domain/key.h"
#include "domain/layout.h"
#include "domain/money.h"
#include "domain/order.h"
#include "domain/payment.h"

enum command_kind {
	COMMAND_SALE_CREATE,
	COMMAND_SALE_PAUSE,
	COMMAND_SALE_RESUME,
	COMMAND_SALE_CANCEL,
	COMMAND_HOLD_CREATE,
	COMMAND_HOLD_RELEASE,
	COMMAND_HOLD_EXPIRE, /* the worker's */
	COMMAND_ORDER_CREATE,
	COMMAND_ORDER_CANCEL,
	COMMAND_ORDER_EXPIRE, /* the worker's */
	COMMAND_PAYMENT,
	COMMAND_REFUND_DONE,    /* somebody has given the money back; again: the same answer */
	COMMAND_HOLD_CALL_OFF,  /* the worker's: ends an open hold of a cancelled event */
	COMMAND_ORDER_CALL_OFF, /* the worker's: cancels a pending order of a cancelled event, or asks for the refund of a confirmed one */
	COMMAND_SALE_SETTLE,    /* the worker's: nothing of a cancelled event is open any more */
	COMMAND_KIND_COUNT,
};

struct sale_create {
	struct uuid event_id; /* to be made */
	struct sale_details details;
	struct currency currency;
	uint64_t on_sale_from_ms;  /* 0: at once */
	uint64_t on_sale_until_ms; /* 0: no end */
	struct layout layout;
	uint64_t seats_version; /* of seats that are stored already (ports/seating.h); 0: they come with the event */
};

struct hold_create {
	struct uuid event_id;
	struct uuid hold_id; /* to be made; its shard is the event's */
	uint64_t ttl_ms;
	const struct seat_label *seats; /* distinct */
	uint32_t seat_count;            /* 1 to SEATS_PER_HOLD_LIMIT */
};

struct order_create {
	struct uuid order_id; /* to be made; its shard is the event's */
	uint64_t ttl_ms;
	enum payment_method payment_method;
	struct uuid hold_id;            /* nil: the caller's active hold of exactly the seats below */
	struct uuid event_id;           /* only with seats */
	const struct seat_label *seats; /* distinct; NULL with a hold_id */
	uint32_t seat_count;
};

struct payment_report {
	struct uuid order_id;
	enum payment_status status;
	struct short_text transaction_id;
	bool has_amount;
	int64_t amount; /* minor units, 0 or more */
	bool has_currency;
	struct currency currency;
	bool has_refund_id; /* only with PAYMENT_REFUNDED: which refund it closes; without, all that are due for the transaction */
	struct uuid refund_id;
};

/* Everything borrowed lives in `arena` or longer. */
struct command {
	enum command_kind kind;
	struct slice user;   /* the caller, who does not see the holds and orders of others. Ignored for payments, the worker and sales */
	bool is_for_anybody; /* … unless it may change everybody's */
	struct slice actor;  /* the caller's name in the event */
	struct slice from;   /* an operator's address, for the audit; empty: no operator asks */
	struct idempotency idempotency;
	struct trace_context trace;
	struct slice trace_state; /* of the request; empty: none */
	struct arena *arena;      /* the request's: outcomes are written here; used by the stage that has the command */
	union {
		struct sale_create sale_create;
		struct uuid event_id; /* pause, resume, cancel, settle */
		struct hold_create hold_create;
		struct uuid hold_id; /* release, expire, call off */
		struct order_create order_create;
		struct uuid order_id; /* cancel, expire, call off */
		struct payment_report payment;
		struct uuid refund_id; /* done */
	};
};

/* The last byte of the event's id, which every id of the event's holds and orders ends with: it chooses the lane. */
uint8_t command_shard(const struct command *command);
