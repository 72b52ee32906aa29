/* commands.h: commands in few words, for tests.
 *
 * Everything is about one event, TEST_EVENT, whose seats are A-1-1 to A-1-9 at 1000, 2000 … 9000 cents. Holds and orders go by a number. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/uuid.h"
#include "domain/command.h"

#define TEST_NOW_MS UINT64_C(1800000000000)
#define TEST_HOLD_TTL_MS UINT64_C(300000)
#define TEST_ORDER_TTL_MS UINT64_C(900000)
#define TEST_SEAT_COUNT 9

struct uuid test_event_id(void);
struct uuid test_hold_id(uint32_t number);
struct uuid test_order_id(uint32_t number);

/* "A-1-2": 2 */
struct seat_label test_label(uint32_t seat);

/* seats: "1 2 3"; they are kept in the arena. */
struct command hold_command(struct arena *arena, uint32_t hold, const char *user, const char *seats);
struct command release_command(struct arena *arena, uint32_t hold, const char *user);
struct command hold_expire_command(struct arena *arena, uint32_t hold);
struct command order_command(struct arena *arena, uint32_t order, const char *user, uint32_t hold);
/* By its seats instead of by a hold. */
struct command order_seats_command(struct arena *arena, uint32_t order, const char *user, const char *seats);
struct command cancel_command(struct arena *arena, uint32_t order, const char *user);
struct command order_expire_command(struct arena *arena, uint32_t order);
struct command payment_command(struct arena *arena, uint32_t order, const char *transaction, enum payment_status status);
/* COMMAND_SALE_PAUSE, _RESUME or _CANCEL */
struct command sale_command(struct arena *arena, enum command_kind kind);
struct command sale_create_command(struct arena *arena);

/* The seats of what sale_create_command makes, in the order of the layout, with texts that stay. */
struct test_seats {
	struct layout_seat seats[TEST_SEAT_COUNT];
	char labels[TEST_SEAT_COUNT][8];
	uint32_t count;
};
void test_seats_of_sale(struct arena *arena, struct test_seats *ret_seats);

/* The same command with an idempotency key and a request's fingerprint, each told by one byte. */
struct command with_key(struct command command, uint8_t key, uint8_t fingerprint);
