/* stage.c: decides and applies commands on a view of its own. */
#include "tests/support/stage.h"

#include <assert.h>

#include "base/buffer.h"
#include "domain/apply.h"
#include "domain/decide.h"
#include "state/needs.h"
#include "tests/support/commands.h"

static void begin(struct stage *stage, uint64_t now_ms)
{
	arena_clear(&stage->batch);
	view_step_begin(stage->view, now_ms);
	changes_init(&stage->changes, &stage->batch, view_clock(stage->view), now_ms, now_ms);
}

void stage_init(struct stage *stage)
{
	*stage = (struct stage){.view = view_new(1000, (struct hash_seed){1, 2})};
	assert(stage->view != NULL);
	arena_init(&stage->batch, 65536, 16 * 1024 * 1024);
	arena_init(&stage->request, 65536, 16 * 1024 * 1024);
	begin(stage, TEST_NOW_MS);
	const struct sale sale = {
		.row.version = 1,
		.event_id = test_event_id(),
		.sequence = 1,
		.status = SALE_ON_SALE,
		.currency = {"EUR"},
		.seat_count = TEST_SEAT_COUNT,
	};
	assert(view_put_sale(stage->view, &sale) != NULL);
	for (uint32_t i = 1; i <= TEST_SEAT_COUNT; i++) {
		const struct seat seat = {
			.row.version = 1, .event_id = sale.event_id, .label = test_label(i), .status = SEAT_AVAILABLE, .price = 1000 * i};
		assert(view_put_seat(stage->view, &seat) != NULL);
	}
}

void stage_release(struct stage *stage)
{
	view_free(stage->view);
	arena_release(&stage->batch);
	arena_release(&stage->request);
}

void stage_step(struct stage *stage, uint64_t after_ms)
{
	view_step_committed(stage->view);
	begin(stage, TEST_NOW_MS + after_ms);
}

static void put_absent(struct view *view, const struct needs *needs)
{
	for (uint32_t i = 0; i < needs->sale_count; i++)
		assert(view_put_sale(view, &(struct sale){.event_id = needs->sales[i]}) != NULL);
	for (uint32_t i = 0; i < needs->seat_count; i++)
		assert(view_put_seat(view, &(struct seat){.event_id = needs->seats[i].event_id, .label = needs->seats[i].label}) != NULL);
	for (uint32_t i = 0; i < needs->hold_count; i++)
		assert(view_put_hold(view, &(struct hold){.hold_id = needs->holds[i]}) != NULL);
	for (uint32_t i = 0; i < needs->order_count; i++)
		assert(view_put_order(view, &(struct order){.order_id = needs->orders[i]}) != NULL);
	for (uint32_t i = 0; i < needs->payment_count; i++)
		assert(view_put_payment(view, &(struct payment){.transaction_id = needs->payments[i]}) != NULL);
	for (uint32_t i = 0; i < needs->refund_count; i++)
		assert(view_put_refund(view, &(struct refund){.refund_id = needs->refunds[i]}) != NULL);
	for (uint32_t i = 0; i < needs->key_count; i++)
		assert(view_put_key(view, &(struct key){.idempotency = needs->keys[i]}) != NULL);
}

void stage_load(struct stage *stage, const struct command *command)
{
	for (int round = 0; round < NEEDS_ROUNDS_MAX; round++) {
		struct needs needs;
		needs_init(&needs, &stage->batch);
		assert(command_needs(command, stage->view, true, &needs) == OK);
		if (needs_are_empty(&needs))
			return;
		needs_finish(&needs);
		put_absent(stage->view, &needs);
	}
	assert(false && "the needs come to an end");
}

static void apply_events(struct stage *stage, uint32_t first)
{
	struct buffer names;
	buffer_init(&names, &stage->request, 4096);
	for (uint32_t i = first; i < stage->changes.event_count; i++) {
		struct event *event = &stage->changes.events[i];
		event->data = event->payment_status == PAYMENT_REFUNDED ? SLICE("{\"payment_status\":\"REFUNDED\"}") : SLICE("{}");
		assert(apply(stage->view, event) == OK);
		buffer_append_format(&names, "%s%s", i == first ? "" : " ", event_type_name(event->type));
	}
	buffer_append_byte(&names, '\0');
	assert(!names.failed);
	stage->events = names.data;
}

enum error stage_try(struct stage *stage, const struct command *command)
{
	stage_load(stage, command);
	uint32_t first = stage->changes.event_count;
	enum error error = decide(command, stage->view, &stage->changes, &stage->outcome);
	apply_events(stage, first);
	return error;
}

enum error stage_run(struct stage *stage, const struct command *command)
{
	assert(stage_try(stage, command) == OK);
	return stage->outcome.error;
}

enum error stage_take(struct stage *stage, uint32_t hold, const char *user, const char *seats)
{
	struct command command = hold_command(&stage->request, hold, user, seats);
	return stage_run(stage, &command);
}

enum error stage_give_back(struct stage *stage, uint32_t hold, const char *user)
{
	struct command command = release_command(&stage->request, hold, user);
	return stage_run(stage, &command);
}

enum error stage_expire_hold(struct stage *stage, uint32_t hold)
{
	struct command command = hold_expire_command(&stage->request, hold);
	return stage_run(stage, &command);
}

enum error stage_buy(struct stage *stage, uint32_t order, const char *user, uint32_t hold)
{
	struct command command = order_command(&stage->request, order, user, hold);
	return stage_run(stage, &command);
}

enum error stage_cancel(struct stage *stage, uint32_t order, const char *user)
{
	struct command command = cancel_command(&stage->request, order, user);
	return stage_run(stage, &command);
}

enum error stage_expire_order(struct stage *stage, uint32_t order)
{
	struct command command = order_expire_command(&stage->request, order);
	return stage_run(stage, &command);
}

enum error stage_pay(struct stage *stage, uint32_t order, const char *transaction)
{
	struct command command = payment_command(&stage->request, order, transaction, PAYMENT_SUCCEEDED);
	return stage_run(stage, &command);
}

enum error stage_fail(struct stage *stage, uint32_t order, const char *transaction)
{
	struct command command = payment_command(&stage->request, order, transaction, PAYMENT_FAILED);
	return stage_run(stage, &command);
}

struct sale *stage_sale(struct stage *stage)
{
	struct uuid event_id = test_event_id();
	return (struct sale *)(uintptr_t)view_sale(stage->view, &event_id);
}

struct seat *stage_seat(struct stage *stage, uint32_t seat)
{
	struct uuid event_id = test_event_id();
	struct seat_label label = test_label(seat);
	return (struct seat *)(uintptr_t)view_seat(stage->view, &event_id, &label);
}

struct hold *stage_hold(struct stage *stage, uint32_t number)
{
	struct uuid id = test_hold_id(number);
	return (struct hold *)(uintptr_t)view_hold(stage->view, &id);
}

struct order *stage_order(struct stage *stage, uint32_t number)
{
	struct uuid id = test_order_id(number);
	return (struct order *)(uintptr_t)view_order(stage->view, &id);
}
