/* situation.c: the interesting situations. */
#include "tests/sim/situation.h"

#include "tests/sim/world.h"

static void cover_end(struct world *world, const struct attempt *attempt, enum event_type type)
{
	bool is_by_worker = attempt->origin != NULL;
	if (type == EVENT_HOLD_EXPIRED)
		world_cover(world, is_by_worker ? SITUATION_HOLD_EXPIRED_BY_WORKER : SITUATION_HOLD_TAKEN_OVER);
	if (type == EVENT_ORDER_EXPIRED && attempt->request.kind != COMMAND_PAYMENT)
		world_cover(world, is_by_worker ? SITUATION_ORDER_EXPIRED_BY_WORKER : SITUATION_ORDER_TAKEN_OVER);
}

static void cover_refund(struct world *world, const struct answer *answer)
{
	const struct expected_event *last = &answer->events[answer->event_count - 1];
	world_cover(world, SITUATION_REFUND_CLOSED);
	if (last->reads == ORDER_REFUNDED)
		world_cover(world, SITUATION_ORDER_REFUNDED);
}

/* Counts the worker's steps for a cancelled event. */
static void cover_called_off(struct world *world, const struct attempt *attempt, enum event_type last)
{
	if (attempt->request.kind == COMMAND_HOLD_CALL_OFF)
		world_cover(world, SITUATION_HOLD_CALLED_OFF);
	else if (attempt->request.kind == COMMAND_ORDER_CALL_OFF)
		world_cover(world, last == EVENT_ORDER_REFUND_REQUIRED ? SITUATION_CONFIRMED_CALLED_OFF : SITUATION_ORDER_CALLED_OFF);
	else if (attempt->request.kind == COMMAND_SALE_SETTLE)
		world_cover(world, SITUATION_SALE_SETTLED);
}

static void cover_payment(struct world *world, const struct attempt *attempt, const struct answer *answer)
{
	const struct model *before = world_model(world);
	const struct expected_event *told = &answer->events[answer->event_count - 1];
	if (before->payments[attempt->request.transaction].attempt != NOBODY && attempt->request.payment_status == PAYMENT_SUCCEEDED)
		world_cover(world, SITUATION_PAYMENT_RETRIED);
	if (told->type == EVENT_ORDER_PAYMENT_MISMATCH)
		world_cover(world, SITUATION_PAYMENT_MISMATCHED);
	if (told->type == EVENT_ORDER_REFUND_REQUIRED && told->reason == REFUND_OVERPAYMENT) {
		world_cover(world, SITUATION_PAYMENT_OVERPAID);
		return;
	}
	const struct model_order *order = &before->orders[attempt->request.order];
	enum event_type last = answer->events[answer->event_count - 1].type;
	bool was_waiting = order->status == ORDER_PENDING && answer->event_count == 1;
	if (last == EVENT_ORDER_CONFIRMED && !was_waiting)
		world_cover(world, SITUATION_PAYMENT_LATE_CONFIRMED);
	if (last == EVENT_ORDER_PAYMENT_FAILED)
		world_cover(world, SITUATION_PAYMENT_FAILURE_NOTED);
	if (last != EVENT_ORDER_REFUND_REQUIRED)
		return;
	if (order->status == ORDER_CONFIRMED)
		world_cover(world, SITUATION_PAYMENT_SECOND_REFUNDED);
	else if (before->sales[order->event].status == SALE_CANCELLED)
		world_cover(world, SITUATION_PAYMENT_OF_CANCELLED_EVENT);
	else
		world_cover(world, SITUATION_PAYMENT_LATE_REFUNDED);
}

static bool is_at_deadline(const struct model *model, const struct request *request, uint64_t now_ms)
{
	if (request->hold != NOBODY && model->holds[request->hold].expires_at_ms == now_ms)
		return true;
	if (request->order != NOBODY && model->orders[request->order].pay_by_ms == now_ms)
		return true;
	for (uint32_t i = 0; request->kind == COMMAND_HOLD_CREATE && i < request->seat_count; i++) {
		const struct model_seat *seat = &model->seats[request->event][request->seats[i]];
		if (seat->status == SEAT_HELD && model->holds[seat->holder].expires_at_ms == now_ms)
			return true;
	}
	return false;
}

void world_cover_success(struct world *world, const struct attempt *attempt, const struct answer *answer, const struct event *first,
                         uint64_t decided_ms)
{
	const struct request *request = &attempt->request;
	for (uint32_t i = 0; i < answer->event_count; i++)
		cover_end(world, attempt, answer->events[i].type);
	cover_called_off(world, attempt, answer->events[answer->event_count - 1].type);
	if (answer->events[answer->event_count - 1].type == EVENT_ORDER_REFUNDED)
		cover_refund(world, answer);
	else if (request->kind == COMMAND_PAYMENT)
		cover_payment(world, attempt, answer);
	if (request->kind == COMMAND_ORDER_CREATE && request->is_by_seats)
		world_cover(world, SITUATION_ORDER_BY_SEATS);
	if (request->kind == COMMAND_SALE_CREATE)
		world_cover(world, SITUATION_SALE_CREATED);
	if (request->key != NOBODY && request->key != attempt->number)
		world_cover(world, SITUATION_KEY_REUSED);
	if (first->occurred_at_ms > decided_ms)
		world_cover(world, SITUATION_CLOCK_BEHIND);
	if (is_at_deadline(world_model(world), request, decided_ms))
		world_cover(world, SITUATION_AT_DEADLINE);
}

void world_cover_replay(struct world *world, const struct attempt *attempt, const struct attempt *first)
{
	if (attempt->request.kind == COMMAND_PAYMENT) {
		world_cover(world,
		            attempt->request.payment_status == PAYMENT_REFUNDED ? SITUATION_REFUND_REPLAYED : SITUATION_PAYMENT_REPLAYED);
		return;
	}
	world_cover(world, SITUATION_KEY_REPLAYED);
	if (first->state == ATTEMPT_LOST)
		world_cover(world, SITUATION_KEY_REPLAYED_LOST);
	if (first->batch == attempt->batch)
		world_cover(world, SITUATION_KEY_REPLAYED_IN_BATCH);
}

void world_cover_outcome(struct world *world, const struct attempt *attempt)
{
	switch (attempt->job.outcome.error) {
	case OK:
		if (attempt->job.outcome.body.length == 0)
			world_cover(world, SITUATION_NO_CHANGE);
		break;
	case ERR_STORE_UNAVAILABLE:
		world_cover(world, SITUATION_UNAVAILABLE);
		break;
	case ERR_IDEMPOTENCY_MISMATCH:
		world_cover(world, SITUATION_KEY_MISMATCH);
		break;
	case ERR_SEATS_TAKEN:
		world_cover(world, SITUATION_SEATS_TAKEN);
		break;
	case ERR_SEAT_UNKNOWN:
		world_cover(world, SITUATION_SEAT_UNKNOWN);
		break;
	case ERR_HOLD_UNKNOWN:
	case ERR_ORDER_UNKNOWN:
		world_cover(world, SITUATION_NOT_OWN);
		break;
	case ERR_REFUND_NOT_DUE:
	case ERR_REFUND_AMOUNT:
		world_cover(world, SITUATION_REFUND_REFUSED);
		break;
	case ERR_PAYMENT_CONFLICT:
		world_cover(world, SITUATION_PAYMENT_CONFLICT);
		break;
	case ERR_NOT_ON_SALE:
	case ERR_SALES_PAUSED:
	case ERR_EVENT_CANCELLED:
		world_cover(world, SITUATION_SALES_STOPPED);
		break;
	default:
		break;
	}
}
