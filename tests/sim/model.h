/* model.h: the promises of the service, in the simplest possible code: plain arrays, no versions, no views, no batches, one command at a
 * time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "domain/event.h"
#include "domain/hold.h"
#include "domain/order.h"
#include "domain/refund.h"
#include "domain/sale.h"
#include "domain/seat.h"
#include "tests/sim/request.h"

struct model_sale {
	enum sale_status status; /* 0: no such event */
	uint32_t sequence;
	bool is_settled;
};

struct model_seat {
	enum seat_status status;
	uint16_t holder; /* a hold or an order */
};

struct model_hold {
	enum hold_status status; /* 0: no such hold */
	uint8_t user, event, seat_count;
	uint8_t seats[SEATS_PER_REQUEST];
	uint32_t sequence;
	uint64_t expires_at_ms;
};

struct model_order {
	enum order_status status; /* 0: no such order */
	uint8_t user, event, seat_count;
	uint8_t seats[SEATS_PER_REQUEST];
	uint16_t hold;
	uint32_t sequence;
	int64_t total;
	uint64_t pay_by_ms;
	uint16_t transaction; /* that confirmed it */
	bool keeps_money;     /* … and has not been given back since */
};

/* A key that was used. */
struct model_use {
	uint16_t attempt; /* by whom; NOBODY: not used */
	uint8_t body;
};

struct model_refund {
	int64_t amount; /* 0: no such refund */
	bool is_foreign;
	enum refund_reason reason;
	uint16_t closed_by; /* the attempt; NOBODY: it is due */
	bool is_reported;   /* by the provider, not by hand */
};

/* A transaction that was reported. */
struct model_payment {
	uint16_t attempt; /* that was answered for it last; NOBODY: not reported */
	uint16_t order;
	enum payment_status status;
	int64_t amount;
	bool is_foreign;
	struct model_refund refunds[REFUNDS_PER_PAYMENT_MAX];
};

struct model {
	struct model_sale sales[EVENT_COUNT];
	struct model_seat seats[EVENT_COUNT][SEAT_COUNT];
	struct model_hold holds[ATTEMPTS_MAX];
	struct model_order orders[ATTEMPTS_MAX];
	struct model_use keys[ATTEMPTS_MAX];
	struct model_payment payments[ATTEMPTS_MAX];
};

struct expected_event {
	enum event_type type;
	uint8_t event;   /* its shard */
	uint16_t number; /* of the hold or order */
	uint32_t sequence;
	/* Of an order's events. */
	enum order_status reads;
	int64_t due;
	int64_t refunded;          /* the sum of the refunds that it makes or closes */
	enum refund_reason reason; /* of the first of them */
};

#define EXPECTED_EVENTS_MAX (SEATS_PER_REQUEST + 3)

/* The answer that must be given, and the events that must be written. */
struct answer {
	enum error error;
	uint16_t replay_of; /* the attempt whose answer is given again; NOBODY: none */
	uint8_t conflicts;  /* ERR_SEATS_TAKEN: a bit for each seat */
	uint8_t seat_index; /* ERR_SEAT_UNKNOWN */
	struct expected_event events[EXPECTED_EVENTS_MAX];
	uint32_t event_count; /* 0: nothing changes */
};

/* A request with its asker and its time. */
struct question {
	const struct request *request;
	uint16_t attempt;
	uint64_t now_ms; /* on the clock of the process that decides */
	uint64_t hold_ttl_ms, order_ttl_ms;
};

/* The money of an order, counted from its payments: its own currency's, and whether any is to be given back in another. */
struct model_account {
	int64_t paid, kept, due, refunded;
	uint32_t refund_count, open_count;
};
struct model_account model_account_of(const struct model *model, uint16_t order);

void model_init(struct model *model);
/* Does what is asked, or refuses it. */
struct answer model_do(struct model *model, const struct question *question);
