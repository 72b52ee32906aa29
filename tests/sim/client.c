/* client.c: requests drawn at random, most of them about what there is. */
#include "tests/sim/client.h"

#include <string.h>

#include "tests/sim/world.h"

static struct request request_of(enum command_kind kind)
{
	return (struct request){.kind = kind,
	                        .hold = NOBODY,
	                        .order = NOBODY,
	                        .transaction = NOBODY,
	                        .key = NOBODY,
	                        .amount = UNSAID,
	                        .refund = ANY_REFUND};
}

static uint8_t some_user(struct world *world)
{
	return (uint8_t)prng_below(&world->prng, USER_COUNT);
}

/* One that is there, for ids cannot be guessed; seldom one that never will be. */
static uint8_t some_event(struct world *world)
{
	if (prng_chance(&world->prng, 20))
		return EVENT_COUNT - 1;
	uint32_t event = prng_below(&world->prng, EVENT_COUNT - 1);
	return world_model(world)->sales[event].status == 0 ? 0 : (uint8_t)event;
}

/* Distinct seats; now and then one that does not exist. */
static void draw_seats(struct world *world, struct request *request)
{
	uint8_t seats[SEAT_COUNT];
	for (uint8_t i = 0; i < SEAT_COUNT; i++)
		seats[i] = i;
	for (uint32_t i = SEAT_COUNT - 1; i > 0; i--) {
		uint32_t j = prng_below(&world->prng, i + 1);
		uint8_t seat = seats[i];
		seats[i] = seats[j];
		seats[j] = seat;
	}
	request->seat_count = (uint8_t)(1 + prng_below(&world->prng, prng_chance(&world->prng, 700) ? 2 : SEATS_PER_REQUEST));
	memcpy(request->seats, seats, sizeof request->seats);
	if (prng_chance(&world->prng, 20))
		request->seats[prng_below(&world->prng, request->seat_count)] = SEAT_COUNT;
}

/* The number of a hold of the given state, looked for from a random one on; NOBODY: there is none behind it. */
static uint16_t some_hold(struct world *world, enum hold_status status)
{
	uint32_t number = prng_below(&world->prng, world->attempt_count);
	while (number < world->attempt_count && world_model(world)->holds[number].status != status)
		number++;
	return number < world->attempt_count ? (uint16_t)number : NOBODY;
}

static uint16_t some_order(struct world *world, enum order_status status)
{
	uint32_t number = prng_below(&world->prng, world->attempt_count);
	while (number < world->attempt_count && world_model(world)->orders[number].status != status)
		number++;
	return number < world->attempt_count ? (uint16_t)number : NOBODY;
}

/* Now and then a number that nothing was made with. */
static uint16_t wrong_number(struct world *world)
{
	return (uint16_t)prng_below(&world->prng, ATTEMPTS_MAX);
}

static enum hold_status some_hold_status(struct world *world)
{
	return prng_chance(&world->prng, 800) ? HOLD_ACTIVE : (enum hold_status)(HOLD_ACTIVE + prng_below(&world->prng, HOLD_EXPIRED));
}

static enum order_status some_order_status(struct world *world)
{
	return prng_chance(&world->prng, 500) ? ORDER_PENDING
	                                      : (enum order_status)(ORDER_PENDING + prng_below(&world->prng, ORDER_CANCELLED));
}

/* Its owner, but for a few who try. */
static uint8_t user_for(struct world *world, uint8_t owner)
{
	return prng_chance(&world->prng, 950) ? owner : some_user(world);
}

static struct request draw_hold(struct world *world)
{
	struct request request = request_of(COMMAND_HOLD_CREATE);
	request.user = some_user(world);
	request.event = some_event(world);
	draw_seats(world, &request);
	return request;
}

static struct request draw_release(struct world *world)
{
	struct request request = request_of(COMMAND_HOLD_RELEASE);
	request.hold = some_hold(world, some_hold_status(world));
	if (request.hold == NOBODY)
		return draw_hold(world);
	if (prng_chance(&world->prng, 20))
		request.hold = wrong_number(world);
	request.event = world_model(world)->holds[request.hold].event;
	request.user = user_for(world, world_model(world)->holds[request.hold].user);
	return request;
}

static struct request draw_order(struct world *world)
{
	struct request request = request_of(COMMAND_ORDER_CREATE);
	uint16_t number = some_hold(world, some_hold_status(world));
	if (number == NOBODY)
		return draw_hold(world);
	const struct model_hold *hold = &world_model(world)->holds[number];
	request.event = hold->event;
	request.user = user_for(world, hold->user);
	request.is_by_seats = prng_chance(&world->prng, 400);
	if (!request.is_by_seats) {
		request.hold = number;
		return request;
	}
	request.seat_count = hold->seat_count;
	memcpy(request.seats, hold->seats, sizeof request.seats);
	uint8_t first = request.seats[0];
	request.seats[0] = request.seats[request.seat_count - 1]; /* in another order */
	request.seats[request.seat_count - 1] = first;
	if (prng_chance(&world->prng, 150))
		draw_seats(world, &request);
	return request;
}

static struct request draw_cancel(struct world *world)
{
	struct request request = request_of(COMMAND_ORDER_CANCEL);
	request.order = some_order(world, some_order_status(world));
	if (request.order == NOBODY)
		return draw_order(world);
	if (prng_chance(&world->prng, 20))
		request.order = wrong_number(world);
	request.event = world_model(world)->orders[request.order].event;
	request.user = user_for(world, world_model(world)->orders[request.order].user);
	return request;
}

/* Mostly what is asked for, whether said or not; sometimes less or more, or in another currency. */
static void draw_amount(struct world *world, struct request *request)
{
	int64_t total = world_model(world)->orders[request->order].total;
	uint32_t choice = prng_below(&world->prng, 100);
	if (choice < 35)
		return;
	request->amount = choice < 55   ? total
	                  : choice < 65 ? total - 1 - (int64_t)prng_below(&world->prng, 100)
	                  : choice < 92 ? total + 1 + (int64_t)prng_below(&world->prng, 100)
	                                : total;
	request->is_foreign = choice >= 92;
	if (request->amount < 0)
		request->amount = 0;
}

/* A transaction with money to give back, or any that was reported, looked for from a random one on; NOBODY. */
static uint16_t some_transaction(struct world *world, bool with_refund)
{
	const struct model *model = world_model(world);
	uint32_t number = prng_below(&world->prng, world->attempt_count);
	while (number < world->attempt_count &&
	       (model->payments[number].attempt == NOBODY || (with_refund && model->payments[number].refunds[0].amount == 0)))
		number++;
	return number < world->attempt_count ? (uint16_t)number : NOBODY;
}

/* The first transaction with two refunds, of which the second is due: there are few; NOBODY. */
static uint16_t twice_refunded_transaction(const struct world *world)
{
	for (uint16_t number = 0; number < world->attempt_count; number++) {
		const struct model_refund *refunds = world_model(world)->payments[number].refunds;
		if (refunds[1].amount > 0 && refunds[1].closed_by == NOBODY)
			return number;
	}
	return NOBODY;
}

static struct request draw_payment(struct world *world);

/* Somebody has given money back, and says so himself or by the provider. */
static struct request draw_given_back(struct world *world)
{
	struct request request = request_of(prng_chance(&world->prng, 300) ? COMMAND_REFUND_DONE : COMMAND_PAYMENT);
	bool with_refund = request.kind == COMMAND_REFUND_DONE || prng_chance(&world->prng, 900);
	request.transaction = prng_chance(&world->prng, 800) ? twice_refunded_transaction(world) : NOBODY;
	bool is_twice = request.transaction != NOBODY;
	if (!is_twice)
		request.transaction = some_transaction(world, with_refund);
	if (request.transaction == NOBODY)
		return draw_payment(world);
	const struct model_payment *payment = &world_model(world)->payments[request.transaction];
	request.order = payment->order;
	request.event = world_model(world)->orders[payment->order].event;
	request.payment_status = PAYMENT_REFUNDED;
	if (with_refund && (request.kind == COMMAND_REFUND_DONE || prng_chance(&world->prng, is_twice ? 100 : 400))) {
		request.refund = payment->refunds[1].amount > 0 && prng_chance(&world->prng, 500);
		request.refund_id = world->refund_ids[request.transaction][request.refund];
	}
	uint32_t choice = prng_below(&world->prng, 100);
	if (request.kind == COMMAND_PAYMENT && choice >= 40)
		request.amount = choice < 60   ? payment->refunds[0].amount
		                 : choice < 70 ? payment->refunds[1].amount
		                 : choice < 90 ? payment->refunds[0].amount + payment->refunds[1].amount
		                               : payment->refunds[0].amount + 1;
	return request;
}

static struct request draw_payment(struct world *world)
{
	struct request request = request_of(COMMAND_PAYMENT);
	request.order = some_order(world, some_order_status(world));
	if (request.order == NOBODY)
		return draw_order(world);
	if (prng_chance(&world->prng, 20))
		request.order = wrong_number(world);
	request.event = world_model(world)->orders[request.order].event;
	request.payment_status = prng_chance(&world->prng, 750) ? PAYMENT_SUCCEEDED : PAYMENT_FAILED;
	draw_amount(world, &request);
	return request;
}

/* The event of the first confirmed order of which a refund was closed: another of the same payment becomes due with it. NOBODY. */
static uint16_t refunded_event(const struct world *world)
{
	const struct model *model = world_model(world);
	for (uint16_t number = 0; number < world->attempt_count; number++) {
		const struct model_payment *payment = &model->payments[number];
		bool is_closed =
			payment->refunds[0].amount > 0 && payment->refunds[0].closed_by != NOBODY && payment->refunds[1].amount == 0;
		if (payment->attempt != NOBODY && is_closed && model->orders[payment->order].status == ORDER_CONFIRMED)
			return model->orders[payment->order].event;
	}
	return NOBODY;
}

static struct request draw_sale(struct world *world)
{
	static const enum command_kind kinds[] = {COMMAND_SALE_PAUSE,  COMMAND_SALE_RESUME, COMMAND_SALE_RESUME,
	                                          COMMAND_SALE_RESUME, COMMAND_SALE_PAUSE,  COMMAND_SALE_CANCEL};
	enum command_kind kind = kinds[prng_below(&world->prng, ARRAY_LENGTH(kinds))];
	struct request request = request_of(kind);
	request.event = some_event(world);
	uint16_t refunded = kind == COMMAND_SALE_CANCEL && prng_chance(&world->prng, 500) ? refunded_event(world) : NOBODY;
	if (refunded != NOBODY)
		request.event = (uint8_t)refunded;
	else if (kind == COMMAND_SALE_CANCEL && prng_chance(&world->prng, 500))
		request.kind = COMMAND_SALE_RESUME;
	return request;
}

/* A new request, with a key if its kind has one, or most of the time: requests without one must be right, too. */
static struct request draw_new(struct world *world)
{
	uint32_t choice = prng_below(&world->prng, 100);
	struct request request = choice < 40   ? draw_hold(world)
	                         : choice < 50 ? draw_release(world)
	                         : choice < 68 ? draw_order(world)
	                         : choice < 74 ? draw_cancel(world)
	                         : choice < 88 ? draw_payment(world)
	                         : choice < 95 ? draw_given_back(world)
	                                       : draw_sale(world);
	bool has_key = request.kind == COMMAND_HOLD_CREATE || request.kind == COMMAND_ORDER_CREATE || request.kind == COMMAND_ORDER_CANCEL;
	if (has_key && prng_chance(&world->prng, 850))
		request.key = (uint16_t)world->attempt_count;
	if (request.kind == COMMAND_PAYMENT && request.payment_status != PAYMENT_REFUNDED)
		request.transaction = (uint16_t)world->attempt_count;
	return request;
}

/* The same as before: with its key or transaction, whether or not it was answered, mostly something recent; sometimes it is not the same. */
static struct request draw_again(struct world *world)
{
	uint32_t reach = prng_chance(&world->prng, 700) && world->attempt_count > 12 ? 12 : world->attempt_count;
	struct request request = world->attempts[world->attempt_count - 1 - prng_below(&world->prng, reach)].request;
	bool is_workers = request.kind == COMMAND_HOLD_EXPIRE || request.kind == COMMAND_ORDER_EXPIRE ||
	                  request.kind == COMMAND_HOLD_CALL_OFF || request.kind == COMMAND_ORDER_CALL_OFF ||
	                  request.kind == COMMAND_SALE_SETTLE;
	if (request.kind == COMMAND_SALE_CREATE || is_workers)
		return draw_new(world);
	if (!prng_chance(&world->prng, 150))
		return request;
	if (request.kind == COMMAND_PAYMENT && (request.payment_status == PAYMENT_REFUNDED || prng_chance(&world->prng, 300)))
		request.amount = request.amount == UNSAID ? 1 : request.amount + 1;
	else if (request.kind == COMMAND_PAYMENT)
		request.payment_status = request.payment_status == PAYMENT_SUCCEEDED ? PAYMENT_FAILED : PAYMENT_SUCCEEDED;
	else if (request.kind == COMMAND_HOLD_CREATE)
		draw_seats(world, &request);
	request.body++;
	return request;
}

/* Each of the later events is put on sale once: its id is not drawn again. */
static bool create_event(struct world *world)
{
	for (uint8_t event = 2; event < EVENT_COUNT - 1; event++) {
		if ((world->created_events & 1U << event) != 0)
			continue;
		world->created_events |= 1U << event;
		struct request request = request_of(COMMAND_SALE_CREATE);
		request.event = event;
		world_submit(world, &request, &world->processes[prng_below(&world->prng, PROCESS_COUNT)], NULL);
		return true;
	}
	return false;
}

/* Draws a request about a hold at its deadline. */
static struct request draw_about_hold(struct world *world, uint16_t number)
{
	static const enum command_kind kinds[] = {COMMAND_HOLD_CREATE, COMMAND_HOLD_RELEASE, COMMAND_HOLD_EXPIRE, COMMAND_ORDER_CREATE};
	const struct model_hold *hold = &world_model(world)->holds[number];
	struct request request = request_of(kinds[prng_below(&world->prng, ARRAY_LENGTH(kinds))]);
	request.user = hold->user;
	request.event = hold->event;
	if (request.kind == COMMAND_HOLD_CREATE) {
		request.seat_count = 1;
		request.seats[0] = hold->seats[0];
	} else {
		request.hold = number;
	}
	return request;
}

static struct request draw_about_order(struct world *world, uint16_t number)
{
	static const enum command_kind kinds[] = {COMMAND_HOLD_CREATE, COMMAND_ORDER_CANCEL, COMMAND_ORDER_EXPIRE, COMMAND_PAYMENT};
	const struct model_order *order = &world_model(world)->orders[number];
	struct request request = request_of(kinds[prng_below(&world->prng, ARRAY_LENGTH(kinds))]);
	request.user = order->user;
	request.event = order->event;
	if (request.kind == COMMAND_HOLD_CREATE) {
		request.seat_count = 1;
		request.seats[0] = order->seats[0];
		return request;
	}
	request.order = number;
	request.payment_status = prng_chance(&world->prng, 500) ? PAYMENT_SUCCEEDED : PAYMENT_FAILED;
	request.transaction = request.kind == COMMAND_PAYMENT ? (uint16_t)world->attempt_count : NOBODY;
	return request;
}

void client_act_on_hold(struct world *world, uint16_t number, struct process *process)
{
	struct request request = draw_about_hold(world, number);
	world_submit(world, &request, process, NULL);
}

void client_act_on_order(struct world *world, uint16_t number, struct process *process)
{
	struct request request = draw_about_order(world, number);
	world_submit(world, &request, process, NULL);
}

void client_act(struct world *world)
{
	if (prng_chance(&world->prng, 15) && create_event(world))
		return;
	struct request request = prng_chance(&world->prng, 250) ? draw_again(world) : draw_new(world);
	world_submit(world, &request, &world->processes[prng_below(&world->prng, PROCESS_COUNT)], NULL);
}
