/* request.h: a client's request, in plain numbers. The real command is made of it, and the model reads it.
 *
 * Everything goes by small numbers: users, events and seats by their index, holds and orders by the number of the attempt that would
 * make them, idempotency keys and transactions by the number of the attempt that used them first. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/uuid.h"
#include "domain/command.h"

#define USER_COUNT 4
#define EVENT_COUNT 5       /* the last is never put on sale */
#define SEAT_COUNT 6        /* of each event */
#define SEATS_PER_REQUEST 4 /* at most */
#define ATTEMPTS_MAX 384
#define UNSAID INT64_C(-1)
#define ANY_REFUND UINT8_MAX
#define NOBODY UINT16_MAX                /* no such number */
#define START_MS UINT64_C(1800000000000) /* when every run begins */

struct request {
	enum command_kind kind;
	uint8_t user;
	uint8_t event;
	uint8_t seat_count;
	uint8_t seats[SEATS_PER_REQUEST]; /* distinct; SEAT_COUNT is one that does not exist */
	uint16_t hold;
	uint16_t order;
	bool is_by_seats; /* an order for the hold of these seats */
	uint16_t transaction;
	enum payment_status payment_status;
	int64_t amount;        /* of a payment; UNSAID: the report does not say */
	bool is_foreign;       /* it came in another currency */
	uint8_t refund;        /* which of the transaction's: of COMMAND_REFUND_DONE, or of a report that it was given back; ANY_REFUND */
	struct uuid refund_id; /* its id, which nobody could have foreseen */
	uint16_t key;          /* NOBODY: none */
	uint8_t body;          /* tells one request with a key from another */
};

struct uuid event_id_of(uint32_t event);
struct uuid hold_id_of(uint32_t event, uint32_t attempt);
struct uuid order_id_of(uint32_t event, uint32_t attempt);
/* The number and the event that a hold's or order's id was made of. */
uint16_t number_of(const struct uuid *id);
uint8_t event_of(const struct uuid *id);
struct seat_label label_of(uint32_t seat);
/* Even events have sections of one price, odd ones list their seats, each with a price of its own. */
int64_t price_of(uint32_t event, uint32_t seat);
/* When event 1 is on sale; the others always are: 0. */
uint64_t on_sale_from_of(uint32_t event);
uint64_t on_sale_until_of(uint32_t event);
struct short_text transaction_of(uint32_t transaction);
/* The number that it was made of. */
uint32_t transaction_number(struct slice text);
/* "user 2" */
struct slice user_of(uint32_t user);

/* The command of the request, as attempt `number`. It borrows from the arena, which becomes its own. */
struct command command_of(const struct request *request, uint32_t number, uint64_t hold_ttl_ms, uint64_t order_ttl_ms, struct arena *arena);
/* "hold of seats 1 3 by user 2, key 17/0" into text of `size` bytes. */
void request_describe(const struct request *request, char *text, uint32_t size);
