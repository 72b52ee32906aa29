/* model.c: the rules once more, written from the documents and not from the code. */
#include "tests/sim/model.h"

#include <assert.h>
#include <string.h>

struct doing {
	struct model *model;
	const struct question *question;
	const struct request *request;
	struct answer *answer;
};

void model_init(struct model *model)
{
	memset(model, 0, sizeof *model);
	for (uint32_t event = 0; event < EVENT_COUNT; event++)
		for (uint32_t seat = 0; seat < SEAT_COUNT; seat++)
			model->seats[event][seat].status = SEAT_AVAILABLE;
	for (uint32_t i = 0; i < ATTEMPTS_MAX; i++)
		model->keys[i].attempt = model->payments[i].attempt = NOBODY;
}

static void say(struct doing *doing, enum event_type type, uint8_t event, uint16_t number, uint32_t sequence)
{
	struct answer *answer = doing->answer;
	assert(answer->event_count < EXPECTED_EVENTS_MAX);
	answer->events[answer->event_count++] =
		(struct expected_event){.type = type, .event = event, .number = number, .sequence = sequence};
}

struct model_account model_account_of(const struct model *model, uint16_t order)
{
	struct model_account account = {.kept = model->orders[order].keeps_money ? model->orders[order].total : 0};
	for (uint32_t i = 0; i < ATTEMPTS_MAX; i++) {
		const struct model_payment *payment = &model->payments[i];
		if (payment->attempt == NOBODY || payment->order != order || payment->status != PAYMENT_SUCCEEDED)
			continue;
		account.paid += payment->is_foreign ? 0 : payment->amount;
		for (uint32_t j = 0; j < REFUNDS_PER_PAYMENT_MAX; j++) {
			const struct model_refund *refund = &payment->refunds[j];
			bool is_due = refund->amount > 0 && refund->closed_by == NOBODY;
			account.refund_count += refund->amount > 0;
			account.open_count += is_due;
			account.due += is_due && !refund->is_foreign ? refund->amount : 0;
			account.refunded += !is_due && !refund->is_foreign ? refund->amount : 0;
		}
	}
	return account;
}

/* Says what has become of the order. refunded, reason: of the refunds that this makes or closes. */
static void say_order(struct doing *doing, enum event_type type, uint16_t number, int64_t refunded, enum refund_reason reason)
{
	struct model_order *order = &doing->model->orders[number];
	struct model_account account = model_account_of(doing->model, number);
	say(doing, type, order->event, number, ++order->sequence);
	struct expected_event *event = &doing->answer->events[doing->answer->event_count - 1];
	bool is_over = order->status != ORDER_PENDING && !order->keeps_money && !(order->status == ORDER_CONFIRMED && order->total == 0);
	event->reads = is_over && account.refund_count > 0 && account.open_count == 0 ? ORDER_REFUNDED : order->status;
	event->due = account.due;
	event->refunded = refunded;
	event->reason = reason;
}

static void move_seats(struct doing *doing, uint8_t event, const uint8_t *seats, uint32_t count, enum seat_status status, uint16_t holder)
{
	for (uint32_t i = 0; i < count; i++)
		doing->model->seats[event][seats[i]] = (struct model_seat){.status = status, .holder = holder};
}

static void end_hold(struct doing *doing, uint16_t number, enum hold_status status, enum event_type type)
{
	struct model_hold *hold = &doing->model->holds[number];
	hold->status = status;
	say(doing, type, hold->event, number, ++hold->sequence);
	move_seats(doing, hold->event, hold->seats, hold->seat_count, SEAT_AVAILABLE, 0);
}

static void end_order(struct doing *doing, uint16_t number, enum order_status status, enum event_type type)
{
	struct model_order *order = &doing->model->orders[number];
	order->status = status;
	say_order(doing, type, number, 0, 0);
	move_seats(doing, order->event, order->seats, order->seat_count, SEAT_AVAILABLE, 0);
}

static bool hold_is_over(const struct doing *doing, uint16_t number)
{
	const struct model_hold *hold = &doing->model->holds[number];
	return hold->status == HOLD_ACTIVE && doing->question->now_ms >= hold->expires_at_ms;
}

static bool order_is_over(const struct doing *doing, uint16_t number)
{
	const struct model_order *order = &doing->model->orders[number];
	return order->status == ORDER_PENDING && doing->question->now_ms >= order->pay_by_ms;
}

static bool seat_is_taken(const struct doing *doing, uint8_t event, uint8_t number)
{
	const struct model_seat *seat = &doing->model->seats[event][number];
	if (seat->status == SEAT_HELD)
		return !hold_is_over(doing, seat->holder);
	if (seat->status == SEAT_RESERVED)
		return !order_is_over(doing, seat->holder);
	return seat->status == SEAT_SOLD;
}

/* Ends the lapsed holds and orders that have one of these seats, in the order of the seats. */
static void clear_seats(struct doing *doing, uint8_t event, const uint8_t *seats, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct model_seat *seat = &doing->model->seats[event][seats[i]];
		if (seat->status == SEAT_HELD)
			end_hold(doing, seat->holder, HOLD_EXPIRED, EVENT_HOLD_EXPIRED);
		else if (seat->status == SEAT_RESERVED)
			end_order(doing, seat->holder, ORDER_EXPIRED, EVENT_ORDER_EXPIRED);
	}
}

static enum error check_sale(const struct doing *doing)
{
	uint8_t event = doing->request->event;
	uint64_t now_ms = doing->question->now_ms;
	const struct model_sale *sale = &doing->model->sales[event];
	if (sale->status == 0)
		return ERR_EVENT_UNKNOWN;
	if (sale->status == SALE_CANCELLED)
		return ERR_EVENT_CANCELLED;
	if (now_ms < on_sale_from_of(event) || (on_sale_until_of(event) != 0 && now_ms >= on_sale_until_of(event)))
		return ERR_NOT_ON_SALE;
	return sale->status == SALE_PAUSED ? ERR_SALES_PAUSED : OK;
}

static enum error check_seats(struct doing *doing)
{
	const struct request *request = doing->request;
	for (uint8_t i = 0; i < request->seat_count; i++) {
		if (request->seats[i] < SEAT_COUNT)
			continue;
		doing->answer->seat_index = i;
		return ERR_SEAT_UNKNOWN;
	}
	for (uint32_t i = 0; i < request->seat_count; i++)
		if (seat_is_taken(doing, request->event, request->seats[i]))
			doing->answer->conflicts |= (uint8_t)(1 << request->seats[i]);
	return doing->answer->conflicts != 0 ? ERR_SEATS_TAKEN : OK;
}

static enum error create_hold(struct doing *doing)
{
	const struct request *request = doing->request;
	enum error error = check_sale(doing);
	if (error == OK)
		error = check_seats(doing);
	if (error != OK)
		return error;
	uint16_t number = doing->question->attempt;
	clear_seats(doing, request->event, request->seats, request->seat_count);
	struct model_hold *hold = &doing->model->holds[number];
	*hold = (struct model_hold){
		.status = HOLD_ACTIVE,
		.user = request->user,
		.event = request->event,
		.seat_count = request->seat_count,
		.sequence = 1,
		.expires_at_ms = doing->question->now_ms + doing->question->hold_ttl_ms,
	};
	memcpy(hold->seats, request->seats, sizeof hold->seats);
	move_seats(doing, hold->event, hold->seats, hold->seat_count, SEAT_HELD, number);
	say(doing, EVENT_HOLD_CREATED, hold->event, number, 1);
	return OK;
}

/* An id is a number and an event: those of one number in different events are different. */
static bool hold_exists(const struct doing *doing)
{
	const struct model_hold *hold = &doing->model->holds[doing->request->hold];
	return hold->status != 0 && hold->event == doing->request->event;
}

static bool order_exists(const struct doing *doing)
{
	const struct model_order *order = &doing->model->orders[doing->request->order];
	return order->status != 0 && order->event == doing->request->event;
}

static enum error release_hold(struct doing *doing)
{
	uint16_t number = doing->request->hold;
	const struct model_hold *hold = &doing->model->holds[number];
	if (!hold_exists(doing) || hold->user != doing->request->user)
		return ERR_HOLD_UNKNOWN;
	if (hold->status == HOLD_CONVERTED)
		return ERR_HOLD_CONVERTED;
	if (hold->status == HOLD_EXPIRED || hold_is_over(doing, number))
		return ERR_HOLD_EXPIRED;
	if (hold->status == HOLD_ACTIVE)
		end_hold(doing, number, HOLD_RELEASED, EVENT_HOLD_RELEASED);
	return OK;
}

/* The user's hold of exactly the seats asked for; NOBODY with an error. */
static uint16_t find_hold(const struct doing *doing, enum error *ret_error)
{
	const struct request *request = doing->request;
	*ret_error = doing->model->sales[request->event].status == 0 ? ERR_EVENT_UNKNOWN : ERR_HOLD_UNKNOWN;
	if (*ret_error == ERR_EVENT_UNKNOWN)
		return NOBODY;
	for (uint8_t i = 0; i < request->seat_count; i++) {
		if (request->seats[i] < SEAT_COUNT)
			continue;
		doing->answer->seat_index = i;
		*ret_error = ERR_SEAT_UNKNOWN;
		return NOBODY;
	}
	const struct model_seat *first = &doing->model->seats[request->event][request->seats[0]];
	const struct model_hold *hold = &doing->model->holds[first->holder];
	if (first->status != SEAT_HELD || hold->user != request->user || hold->seat_count != request->seat_count)
		return NOBODY;
	for (uint32_t i = 0; i < request->seat_count; i++) {
		const struct model_seat *seat = &doing->model->seats[request->event][request->seats[i]];
		if (seat->status != SEAT_HELD || seat->holder != first->holder)
			return NOBODY;
	}
	return first->holder;
}

static enum error create_order(struct doing *doing)
{
	enum error error = ERR_HOLD_UNKNOWN;
	uint16_t hold_number = NOBODY;
	if (doing->request->is_by_seats)
		hold_number = find_hold(doing, &error);
	else if (hold_exists(doing))
		hold_number = doing->request->hold;
	if (hold_number == NOBODY || doing->model->holds[hold_number].user != doing->request->user)
		return error;
	struct model_hold *hold = &doing->model->holds[hold_number];
	if (hold->status == HOLD_CONVERTED)
		return ERR_HOLD_CONVERTED;
	if (hold->status == HOLD_RELEASED)
		return ERR_HOLD_RELEASED;
	if (hold->status == HOLD_EXPIRED || hold_is_over(doing, hold_number))
		return ERR_HOLD_EXPIRED;
	if (doing->model->sales[hold->event].status == SALE_CANCELLED)
		return ERR_EVENT_CANCELLED;
	uint16_t number = doing->question->attempt;
	struct model_order *order = &doing->model->orders[number];
	*order = (struct model_order){
		.status = ORDER_PENDING,
		.user = hold->user,
		.event = hold->event,
		.seat_count = hold->seat_count,
		.hold = hold_number,
		.sequence = 1,
		.pay_by_ms = doing->question->now_ms + doing->question->order_ttl_ms,
	};
	memcpy(order->seats, hold->seats, sizeof order->seats);
	for (uint32_t i = 0; i < order->seat_count; i++)
		order->total += price_of(order->event, order->seats[i]);
	hold->status = HOLD_CONVERTED;
	move_seats(doing, order->event, order->seats, order->seat_count, SEAT_RESERVED, number);
	order->sequence = 0;
	say_order(doing, EVENT_ORDER_CREATED, number, 0, 0);
	return OK;
}

static enum error cancel_order(struct doing *doing)
{
	uint16_t number = doing->request->order;
	const struct model_order *order = &doing->model->orders[number];
	if (!order_exists(doing) || order->user != doing->request->user)
		return ERR_ORDER_UNKNOWN;
	if (order->status != ORDER_PENDING || order_is_over(doing, number))
		return ERR_ORDER_NOT_CANCELLABLE;
	end_order(doing, number, ORDER_CANCELLED, EVENT_ORDER_CANCELLED);
	return OK;
}

static int64_t amount_of(const struct doing *doing)
{
	const struct request *request = doing->request;
	return request->amount == UNSAID ? doing->model->orders[request->order].total : request->amount;
}

/* So much of the payment is to be given back. */
static void owe(struct doing *doing, enum event_type type, uint16_t transaction, int64_t amount, enum refund_reason reason)
{
	struct model_payment *payment = &doing->model->payments[transaction];
	if (amount > 0) {
		struct model_refund *refund = payment->refunds[0].amount == 0 ? &payment->refunds[0] : &payment->refunds[1];
		assert(refund->amount == 0);
		*refund = (struct model_refund){.amount = amount, .is_foreign = payment->is_foreign, .reason = reason, .closed_by = NOBODY};
	}
	say_order(doing, type, payment->order, amount, reason);
}

static void confirm(struct doing *doing, uint16_t number)
{
	struct model_order *order = &doing->model->orders[number];
	uint16_t transaction = doing->request->transaction;
	int64_t excess = amount_of(doing) - order->total;
	order->status = ORDER_CONFIRMED;
	order->keeps_money = order->total > 0;
	order->transaction = transaction;
	say_order(doing, EVENT_ORDER_CONFIRMED, number, 0, 0);
	move_seats(doing, order->event, order->seats, order->seat_count, SEAT_SOLD, number);
	if (excess > 0)
		owe(doing, EVENT_ORDER_REFUND_REQUIRED, transaction, excess, REFUND_OVERPAYMENT);
}

static void refund_all(struct doing *doing, enum refund_reason reason)
{
	owe(doing, EVENT_ORDER_REFUND_REQUIRED, doing->request->transaction, amount_of(doing), reason);
}

static void take_money(struct doing *doing, uint16_t number)
{
	struct model_order *order = &doing->model->orders[number];
	if (doing->model->sales[order->event].status == SALE_CANCELLED) {
		if (order->status == ORDER_PENDING)
			end_order(doing, number, ORDER_CANCELLED, EVENT_ORDER_CANCELLED);
		refund_all(doing, REFUND_EVENT_CANCELLED);
		return;
	}
	if (order->status == ORDER_CONFIRMED) {
		refund_all(doing, REFUND_DUPLICATE_PAYMENT);
		return;
	}
	if (doing->request->is_foreign || amount_of(doing) < order->total) {
		owe(doing, EVENT_ORDER_PAYMENT_MISMATCH, doing->request->transaction, amount_of(doing), REFUND_MISMATCH);
		return;
	}
	if (order->status == ORDER_PENDING) {
		confirm(doing, number);
		return;
	}
	bool is_free = true;
	for (uint32_t i = 0; i < order->seat_count; i++)
		is_free = is_free && !seat_is_taken(doing, order->event, order->seats[i]);
	if (!is_free) {
		refund_all(doing, REFUND_LATE_PAYMENT);
		return;
	}
	clear_seats(doing, order->event, order->seats, order->seat_count);
	confirm(doing, number);
}

static void note_failure(struct doing *doing, uint16_t number)
{
	if (doing->model->orders[number].status == ORDER_PENDING)
		end_order(doing, number, ORDER_FAILED, EVENT_ORDER_FAILED);
	else
		say_order(doing, EVENT_ORDER_PAYMENT_FAILED, number, 0, 0);
}

/* The refunds of the payment that are due, or that an attempt has closed, as bits; the sum of them. */
static uint8_t refunds_of(const struct model_payment *payment, uint16_t closed_by, int64_t *ret_sum)
{
	uint8_t bits = 0;
	*ret_sum = 0;
	for (uint32_t i = 0; i < REFUNDS_PER_PAYMENT_MAX; i++) {
		if (payment->refunds[i].amount == 0 || payment->refunds[i].closed_by != closed_by)
			continue;
		bits |= (uint8_t)(1 << i);
		*ret_sum += payment->refunds[i].amount;
	}
	return bits;
}

static void close_refunds(struct doing *doing, struct model_payment *payment, uint8_t bits)
{
	int64_t sum = 0;
	enum refund_reason reason = 0;
	for (uint32_t i = REFUNDS_PER_PAYMENT_MAX; i-- > 0;) {
		if ((bits >> i & 1) == 0)
			continue;
		payment->refunds[i].closed_by = doing->question->attempt;
		payment->refunds[i].is_reported = doing->request->kind == COMMAND_PAYMENT;
		sum += payment->refunds[i].amount;
		reason = payment->refunds[i].reason;
	}
	say_order(doing, EVENT_ORDER_REFUNDED, payment->order, sum, reason);
}

static bool amount_is(const struct doing *doing, int64_t amount, bool is_foreign)
{
	const struct request *request = doing->request;
	return (request->amount == UNSAID || request->amount == amount) && (!request->is_foreign || is_foreign);
}

static enum error report_one_given_back(struct doing *doing, struct model_payment *payment)
{
	uint8_t number = doing->request->refund;
	if (payment->attempt == NOBODY || payment->refunds[number].amount == 0)
		return ERR_REFUND_UNKNOWN;
	struct model_refund *refund = &payment->refunds[number];
	if (!amount_is(doing, refund->amount, refund->is_foreign))
		return ERR_REFUND_AMOUNT;
	if (refund->closed_by == NOBODY)
		close_refunds(doing, payment, (uint8_t)(1 << number));
	else
		doing->answer->replay_of = refund->closed_by;
	return OK;
}

/* Whether the report repeats one that closed refunds, or speaks of those that somebody closed by hand; the answer is theirs then. */
static bool repeats_closed(struct doing *doing, const struct model_payment *payment, bool is_reported)
{
	int64_t sum;
	for (uint32_t i = REFUNDS_PER_PAYMENT_MAX; i-- > 0;) {
		const struct model_refund *refund = &payment->refunds[i];
		if (refund->amount == 0 || refund->closed_by == NOBODY || refund->is_reported != is_reported)
			continue;
		(void)refunds_of(payment, refund->closed_by, &sum);
		if (!amount_is(doing, sum, payment->is_foreign))
			continue;
		doing->answer->replay_of = refund->closed_by;
		return true;
	}
	return false;
}

static enum error report_given_back(struct doing *doing, struct model_payment *payment)
{
	if (doing->request->refund != ANY_REFUND)
		return report_one_given_back(doing, payment);
	if (payment->attempt == NOBODY || payment->refunds[0].amount == 0)
		return ERR_REFUND_NOT_DUE;
	if (repeats_closed(doing, payment, true))
		return OK;
	int64_t sum;
	uint8_t due = refunds_of(payment, NOBODY, &sum);
	if (due != 0 && amount_is(doing, sum, payment->is_foreign)) {
		close_refunds(doing, payment, due);
		return OK;
	}
	return repeats_closed(doing, payment, false) ? OK : ERR_REFUND_AMOUNT;
}

static enum error report_payment(struct doing *doing)
{
	const struct request *request = doing->request;
	struct model_payment *payment = &doing->model->payments[request->transaction];
	const struct model_order *order = &doing->model->orders[request->order];
	bool is_known = payment->attempt != NOBODY;
	if (!order_exists(doing))
		return is_known ? ERR_PAYMENT_CONFLICT : ERR_ORDER_UNKNOWN;
	if (is_known && payment->order != request->order)
		return ERR_PAYMENT_CONFLICT;
	if (request->payment_status == PAYMENT_REFUNDED)
		return report_given_back(doing, payment);
	if (is_known && payment->status == request->payment_status) {
		if (payment->amount != amount_of(doing) || payment->is_foreign != request->is_foreign)
			return ERR_PAYMENT_CONFLICT;
		doing->answer->replay_of = payment->attempt;
		return OK;
	}
	if (is_known && payment->status == PAYMENT_SUCCEEDED)
		return ERR_PAYMENT_CONFLICT;
	if (order->status == ORDER_CONFIRMED && request->payment_status == PAYMENT_FAILED)
		return ERR_ORDER_NOT_PAYABLE;
	/* An order that has lapsed ends before anything is paid. */
	if (order_is_over(doing, request->order))
		end_order(doing, request->order, ORDER_EXPIRED, EVENT_ORDER_EXPIRED);
	*payment = (struct model_payment){
		.attempt = doing->question->attempt,
		.order = request->order,
		.status = request->payment_status,
		.amount = amount_of(doing),
		.is_foreign = request->is_foreign,
	};
	if (request->payment_status == PAYMENT_SUCCEEDED)
		take_money(doing, request->order);
	else
		note_failure(doing, request->order);
	return OK;
}

static enum error refund_done(struct doing *doing)
{
	struct model_payment *payment = &doing->model->payments[doing->request->transaction];
	const struct model_refund *refund = &payment->refunds[doing->request->refund];
	if (payment->attempt == NOBODY || refund->amount == 0)
		return ERR_REFUND_UNKNOWN;
	if (refund->closed_by == NOBODY)
		close_refunds(doing, payment, (uint8_t)(1 << doing->request->refund));
	return OK;
}

/* The worker's, of a cancelled event. */
static void call_off_hold(struct doing *doing)
{
	uint16_t number = doing->request->hold;
	const struct model_hold *hold = &doing->model->holds[number];
	if (hold->status != HOLD_ACTIVE || doing->model->sales[hold->event].status != SALE_CANCELLED)
		return;
	if (hold_is_over(doing, number))
		end_hold(doing, number, HOLD_EXPIRED, EVENT_HOLD_EXPIRED);
	else
		end_hold(doing, number, HOLD_RELEASED, EVENT_HOLD_RELEASED);
}

static void call_off_order(struct doing *doing)
{
	uint16_t number = doing->request->order;
	struct model_order *order = &doing->model->orders[number];
	if (order->status == 0 || doing->model->sales[order->event].status != SALE_CANCELLED)
		return;
	if (order->keeps_money) {
		order->keeps_money = false;
		owe(doing, EVENT_ORDER_REFUND_REQUIRED, order->transaction, order->total, REFUND_EVENT_CANCELLED);
	} else if (order_is_over(doing, number)) {
		end_order(doing, number, ORDER_EXPIRED, EVENT_ORDER_EXPIRED);
	} else if (order->status == ORDER_PENDING) {
		end_order(doing, number, ORDER_CANCELLED, EVENT_ORDER_CANCELLED);
	}
}

static void settle_sale(struct doing *doing)
{
	struct model_sale *sale = &doing->model->sales[doing->request->event];
	if (sale->status != SALE_CANCELLED || sale->is_settled)
		return;
	sale->is_settled = true;
	say(doing, EVENT_SALE_SETTLED, doing->request->event, 0, ++sale->sequence);
}

static enum error create_sale(struct doing *doing)
{
	doing->model->sales[doing->request->event] = (struct model_sale){.status = SALE_ON_SALE, .sequence = 1};
	say(doing, EVENT_SALE_CREATED, doing->request->event, 0, 1);
	return OK;
}

static enum error change_sale(struct doing *doing, enum sale_status wanted, enum event_type type)
{
	struct model_sale *sale = &doing->model->sales[doing->request->event];
	if (sale->status == 0)
		return ERR_EVENT_UNKNOWN;
	if (sale->status == wanted)
		return OK;
	if (sale->status == SALE_CANCELLED)
		return ERR_EVENT_CANCELLED;
	sale->status = wanted;
	say(doing, type, doing->request->event, 0, ++sale->sequence);
	return OK;
}

static enum error do_kind(struct doing *doing)
{
	switch (doing->request->kind) {
	case COMMAND_SALE_CREATE:
		return create_sale(doing);
	case COMMAND_SALE_PAUSE:
		return change_sale(doing, SALE_PAUSED, EVENT_SALE_PAUSED);
	case COMMAND_SALE_RESUME:
		return change_sale(doing, SALE_ON_SALE, EVENT_SALE_RESUMED);
	case COMMAND_SALE_CANCEL:
		return change_sale(doing, SALE_CANCELLED, EVENT_SALE_CANCELLED);
	case COMMAND_HOLD_CREATE:
		return create_hold(doing);
	case COMMAND_HOLD_RELEASE:
		return release_hold(doing);
	case COMMAND_HOLD_EXPIRE:
		if (hold_is_over(doing, doing->request->hold))
			end_hold(doing, doing->request->hold, HOLD_EXPIRED, EVENT_HOLD_EXPIRED);
		return OK;
	case COMMAND_ORDER_CREATE:
		return create_order(doing);
	case COMMAND_ORDER_CANCEL:
		return cancel_order(doing);
	case COMMAND_ORDER_EXPIRE:
		if (order_is_over(doing, doing->request->order))
			end_order(doing, doing->request->order, ORDER_EXPIRED, EVENT_ORDER_EXPIRED);
		return OK;
	case COMMAND_PAYMENT:
		return report_payment(doing);
	case COMMAND_REFUND_DONE:
		return refund_done(doing);
	case COMMAND_HOLD_CALL_OFF:
		call_off_hold(doing);
		return OK;
	case COMMAND_ORDER_CALL_OFF:
		call_off_order(doing);
		return OK;
	case COMMAND_SALE_SETTLE:
		settle_sale(doing);
		return OK;
	case COMMAND_KIND_COUNT:
		break;
	}
	assert(false && "a command has a kind");
	return ERR_INTERNAL;
}

struct answer model_do(struct model *model, const struct question *question)
{
	struct answer answer = {.replay_of = NOBODY};
	const struct request *request = question->request;
	struct doing doing = {.model = model, .question = question, .request = request, .answer = &answer};
	struct model_use *key = request->key == NOBODY ? NULL : &model->keys[request->key];
	if (key != NULL && key->attempt != NOBODY) {
		answer.error = key->body == request->body ? OK : ERR_IDEMPOTENCY_MISMATCH;
		answer.replay_of = answer.error == OK ? key->attempt : NOBODY;
		return answer;
	}
	answer.error = do_kind(&doing);
	if (key != NULL && answer.event_count > 0)
		*key = (struct model_use){.attempt = question->attempt, .body = request->body};
	return answer;
}
