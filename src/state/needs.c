/* needs.c: one walk over what a command's decision reads, used to load it and to mark what a decision rests on. */
#include "state/needs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/defect.h"

void needs_init(struct needs *needs, struct arena *arena)
{
	assert(needs != NULL && arena != NULL);
	*needs = (struct needs){.arena = arena};
}

bool needs_are_empty(const struct needs *needs)
{
	return needs->sale_count + needs->seat_count + needs->hold_count + needs->order_count + needs->payment_count + needs->refund_count +
	               needs->key_count ==
	       0;
}

/* Room for one more member; NULL when the arena is full. */
static void *grow(struct needs *needs, enum row_kind kind, void **array, uint32_t *count, size_t size)
{
	if (*count == needs->capacity[kind]) {
		uint32_t capacity = *count == 0 ? 32 : *count * 2;
		void *larger = arena_allocate(needs->arena, capacity * size);
		if (larger == NULL)
			return NULL;
		if (*count > 0)
			memcpy(larger, *array, *count * size);
		*array = larger;
		needs->capacity[kind] = capacity;
	}
	return (char *)*array + (*count)++ * size;
}

static bool need_uuid(struct needs *needs, enum row_kind kind, const struct uuid *id)
{
	struct uuid **array = kind == ROW_SALE     ? &needs->sales
	                      : kind == ROW_HOLD   ? &needs->holds
	                      : kind == ROW_REFUND ? &needs->refunds
	                                           : &needs->orders;
	uint32_t *count = kind == ROW_SALE     ? &needs->sale_count
	                  : kind == ROW_HOLD   ? &needs->hold_count
	                  : kind == ROW_REFUND ? &needs->refund_count
	                                       : &needs->order_count;
	void *untyped = *array;
	struct uuid *place = grow(needs, kind, &untyped, count, sizeof *place);
	if (place == NULL)
		return false;
	*array = untyped;
	*place = *id;
	return true;
}

static bool need_seat(struct needs *needs, const struct uuid *event_id, const struct seat_label *label)
{
	void *untyped = needs->seats;
	struct seat_name *place = grow(needs, ROW_SEAT, &untyped, &needs->seat_count, sizeof *place);
	if (place == NULL)
		return false;
	needs->seats = untyped;
	*place = (struct seat_name){.event_id = *event_id, .label = *label};
	return true;
}

static bool need_payment(struct needs *needs, const struct short_text *transaction_id)
{
	void *untyped = needs->payments;
	struct short_text *place = grow(needs, ROW_PAYMENT, &untyped, &needs->payment_count, sizeof *place);
	if (place == NULL)
		return false;
	needs->payments = untyped;
	*place = *transaction_id;
	return true;
}

static bool need_key(struct needs *needs, const struct idempotency *idempotency)
{
	void *untyped = needs->keys;
	struct idempotency *place = grow(needs, ROW_KEY, &untyped, &needs->key_count, sizeof *place);
	if (place == NULL)
		return false;
	needs->keys = untyped;
	*place = *idempotency;
	return true;
}

/* A walk gathers what is missing, or relies on what is there, or only notices what is dispatched. */
struct walk {
	const struct view *view;
	struct needs *needs;  /* gather, or … */
	struct view *rely_on; /* … rely, for a … */
	bool is_refusal;
	bool is_out_of_memory;
	bool meets_dispatched;
};

/* Of a record that begins with its row, or NULL. */
static const struct row *row_of(const void *record)
{
	return record;
}

static void see_row(struct walk *walk, const struct row *row)
{
	if (row == NULL)
		return;
	walk->meets_dispatched |= view_is_dispatched(row);
	if (walk->rely_on != NULL)
		view_rely_on(walk->rely_on, row, walk->is_refusal);
}

static const struct sale *see_sale(struct walk *walk, const struct uuid *event_id)
{
	const struct sale *sale = view_sale(walk->view, event_id);
	see_row(walk, row_of(sale));
	if (walk->needs != NULL && !view_knows(walk->view, row_of(sale)) && !need_uuid(walk->needs, ROW_SALE, event_id))
		walk->is_out_of_memory = true;
	return sale;
}

/* What follows answers NULL unless the row is loaded and exists. */

static const struct seat *see_seat(struct walk *walk, const struct uuid *event_id, const struct seat_label *label)
{
	const struct seat *seat = view_seat(walk->view, event_id, label);
	see_row(walk, row_of(seat));
	if (walk->needs != NULL && !view_knows(walk->view, row_of(seat)) && !need_seat(walk->needs, event_id, label))
		walk->is_out_of_memory = true;
	return seat == NULL || seat->row.version == 0 ? NULL : seat;
}

static const struct hold *see_hold(struct walk *walk, const struct uuid *hold_id)
{
	const struct hold *hold = view_hold(walk->view, hold_id);
	see_row(walk, row_of(hold));
	if (walk->needs != NULL && !view_knows(walk->view, row_of(hold)) && !need_uuid(walk->needs, ROW_HOLD, hold_id))
		walk->is_out_of_memory = true;
	return hold == NULL || hold->row.version == 0 ? NULL : hold;
}

static const struct order *see_order(struct walk *walk, const struct uuid *order_id)
{
	const struct order *order = view_order(walk->view, order_id);
	see_row(walk, row_of(order));
	if (walk->needs != NULL && !view_knows(walk->view, row_of(order)) && !need_uuid(walk->needs, ROW_ORDER, order_id))
		walk->is_out_of_memory = true;
	return order == NULL || order->row.version == 0 ? NULL : order;
}

static const struct refund *see_refund(struct walk *walk, const struct uuid *refund_id)
{
	const struct refund *refund = view_refund(walk->view, refund_id);
	see_row(walk, row_of(refund));
	if (walk->needs != NULL && !view_knows(walk->view, row_of(refund)) && !need_uuid(walk->needs, ROW_REFUND, refund_id))
		walk->is_out_of_memory = true;
	return refund == NULL || refund->row.version == 0 ? NULL : refund;
}

static void see_hold_seats(struct walk *walk, const struct hold *hold)
{
	for (uint32_t i = 0; i < hold->seat_count; i++)
		(void)see_seat(walk, &hold->event_id, &hold->seats[i]);
}

static void see_order_seats(struct walk *walk, const struct order *order)
{
	for (uint32_t i = 0; i < order->item_count; i++)
		(void)see_seat(walk, &order->event_id, &order->items[i].seat);
}

/* A seat somebody may want to take: who has it, and all that goes with a holder that has lapsed. */
static void see_wanted_seat(struct walk *walk, const struct uuid *event_id, const struct seat_label *label)
{
	uint64_t now_ms = view_now_ms(walk->view);
	const struct seat *seat = see_seat(walk, event_id, label);
	if (seat == NULL)
		return;
	if (seat->status == SEAT_HELD) {
		const struct hold *hold = see_hold(walk, &seat->holder_id);
		if (hold != NULL && hold_is_lapsed(hold, now_ms))
			see_hold_seats(walk, hold);
	} else if (seat->status == SEAT_RESERVED) {
		const struct order *order = see_order(walk, &seat->holder_id);
		if (order != NULL && order_is_lapsed(order, now_ms))
			see_order_seats(walk, order);
	}
}

static void see_wanted_seats(struct walk *walk, const struct uuid *event_id, const struct seat_label *seats, uint32_t count)
{
	(void)see_sale(walk, event_id);
	for (uint32_t i = 0; i < count; i++)
		see_wanted_seat(walk, event_id, &seats[i]);
}

static void see_active_hold(struct walk *walk, const struct uuid *hold_id, bool with_sale)
{
	const struct hold *hold = see_hold(walk, hold_id);
	if (hold == NULL)
		return;
	if (with_sale)
		(void)see_sale(walk, &hold->event_id);
	if (hold->status == HOLD_ACTIVE)
		see_hold_seats(walk, hold);
}

static void see_pending_order(struct walk *walk, const struct uuid *order_id)
{
	const struct order *order = see_order(walk, order_id);
	if (order != NULL && order->status == ORDER_PENDING)
		see_order_seats(walk, order);
}

/* That a transaction is unused must still be so when a refusal is answered, as with a key: the order that was read after it may show what
 * the first report with it has just done. */
static const struct payment *see_transaction(struct walk *walk, const struct short_text *transaction_id)
{
	const struct payment *payment = view_payment(walk->view, transaction_id);
	walk->meets_dispatched |= view_is_dispatched(row_of(payment));
	if (walk->rely_on != NULL && payment != NULL)
		view_rely_on(walk->rely_on, &payment->row, false);
	if (walk->needs != NULL && !view_knows(walk->view, row_of(payment)) && !need_payment(walk->needs, transaction_id))
		walk->is_out_of_memory = true;
	return payment == NULL || payment->row.version == 0 ? NULL : payment;
}

/* The refunds of the payment that was given back, and the one that the report names. */
static void see_given_back(struct walk *walk, const struct payment_report *report)
{
	const struct payment *payment = see_transaction(walk, &report->transaction_id);
	for (uint32_t i = 0; payment != NULL && i < REFUNDS_PER_PAYMENT_MAX; i++)
		if (!uuid_is_nil(&payment->refund_ids[i]))
			(void)see_refund(walk, &payment->refund_ids[i]);
	if (report->has_refund_id)
		(void)see_refund(walk, &report->refund_id);
	(void)see_order(walk, &report->order_id);
}

static void see_payment(struct walk *walk, const struct payment_report *report)
{
	(void)see_transaction(walk, &report->transaction_id);
	const struct order *order = see_order(walk, &report->order_id);
	if (order == NULL)
		return;
	(void)see_sale(walk, &order->event_id);
	/* A late payment takes the seats again wherever they are free. */
	for (uint32_t i = 0; order->status != ORDER_CONFIRMED && i < order->item_count; i++)
		see_wanted_seat(walk, &order->event_id, &order->items[i].seat);
}

/* An order of a cancelled event: its seats while it is pending, its payment while it keeps the money. */
static void see_called_off(struct walk *walk, const struct uuid *order_id)
{
	see_pending_order(walk, order_id);
	const struct order *order = see_order(walk, order_id);
	if (order == NULL)
		return;
	(void)see_sale(walk, &order->event_id);
	if (order->kept > 0)
		(void)see_transaction(walk, &order->paid_with);
}

static void walk_command(struct walk *walk, const struct command *command)
{
	switch (command->kind) {
	case COMMAND_SALE_CREATE:
		(void)see_sale(walk, &command->sale_create.event_id);
		break;
	case COMMAND_SALE_PAUSE:
	case COMMAND_SALE_RESUME:
	case COMMAND_SALE_CANCEL:
	case COMMAND_SALE_SETTLE:
		(void)see_sale(walk, &command->event_id);
		break;
	case COMMAND_HOLD_CREATE:
		see_wanted_seats(walk, &command->hold_create.event_id, command->hold_create.seats, command->hold_create.seat_count);
		break;
	case COMMAND_HOLD_RELEASE:
	case COMMAND_HOLD_EXPIRE:
		see_active_hold(walk, &command->hold_id, false);
		break;
	case COMMAND_ORDER_CREATE:
		if (command->order_create.seats == NULL)
			see_active_hold(walk, &command->order_create.hold_id, true);
		else
			see_wanted_seats(walk, &command->order_create.event_id, command->order_create.seats,
			                 command->order_create.seat_count);
		break;
	case COMMAND_ORDER_CANCEL:
	case COMMAND_ORDER_EXPIRE:
		see_pending_order(walk, &command->order_id);
		break;
	case COMMAND_PAYMENT:
		if (command->payment.status == PAYMENT_REFUNDED)
			see_given_back(walk, &command->payment);
		else
			see_payment(walk, &command->payment);
		break;
	case COMMAND_REFUND_DONE: {
		const struct refund *refund = see_refund(walk, &command->refund_id);
		if (refund != NULL)
			(void)see_order(walk, &refund->order_id);
		break;
	}
	case COMMAND_HOLD_CALL_OFF:
		see_active_hold(walk, &command->hold_id, true);
		break;
	case COMMAND_ORDER_CALL_OFF:
		see_called_off(walk, &command->order_id);
		break;
	case COMMAND_KIND_COUNT:
		assert(false && "a command has a kind");
	}
}

enum error command_needs(const struct command *command, const struct view *view, bool with_key, struct needs *needs)
{
	assert(command != NULL && view != NULL && needs != NULL);
	struct walk walk = {.view = view, .needs = needs};
	walk_command(&walk, command);
	if (with_key && command->idempotency.is_present && !view_knows(view, row_of(view_key(view, command->idempotency.key))) &&
	    !need_key(needs, &command->idempotency))
		walk.is_out_of_memory = true;
	return walk.is_out_of_memory ? ERR_NO_MEMORY : OK;
}

static bool confirm(struct view *view, const void *record)
{
	if (record == NULL)
		return false;
	view_confirm(view, row_of(record));
	return true;
}

bool needs_confirm(const struct needs *needs, struct view *view)
{
	assert(needs != NULL && view != NULL);
	bool is_whole = true;
	for (uint32_t i = 0; i < needs->sale_count; i++)
		is_whole &= confirm(view, view_sale(view, &needs->sales[i]));
	for (uint32_t i = 0; i < needs->seat_count; i++)
		is_whole &= confirm(view, view_seat(view, &needs->seats[i].event_id, &needs->seats[i].label));
	for (uint32_t i = 0; i < needs->hold_count; i++)
		is_whole &= confirm(view, view_hold(view, &needs->holds[i]));
	for (uint32_t i = 0; i < needs->order_count; i++)
		is_whole &= confirm(view, view_order(view, &needs->orders[i]));
	for (uint32_t i = 0; i < needs->payment_count; i++)
		is_whole &= confirm(view, view_payment(view, &needs->payments[i]));
	for (uint32_t i = 0; i < needs->refund_count; i++)
		is_whole &= confirm(view, view_refund(view, &needs->refunds[i]));
	for (uint32_t i = 0; i < needs->key_count; i++)
		is_whole &= confirm(view, view_key(view, needs->keys[i].key));
	return is_whole;
}

void command_rely(const struct command *command, struct view *view, bool is_refusal)
{
	assert(command != NULL && view != NULL);
	struct walk walk = {.view = view, .rely_on = view, .is_refusal = is_refusal};
	walk_command(&walk, command);
}

bool command_meets_dispatched(const struct command *command, const struct view *view)
{
	assert(command != NULL && view != NULL);
	if (view_dispatched_count(view) == 0 || DEFECT(BATCHES_CROSS))
		return false;
	struct walk walk = {.view = view};
	walk_command(&walk, command);
	const struct key *key = command->idempotency.is_present ? view_key(view, command->idempotency.key) : NULL;
	return walk.meets_dispatched || view_is_dispatched(row_of(key));
}

/* The payment or refund that each refund of the event changes. */
static void see_event_refunds(struct walk *walk, const struct event *event)
{
	for (uint32_t i = 0; i < event->refund_count; i++) {
		struct short_text transaction_id = short_text_of(event->refunds[i].transaction_id);
		if (event->refunds[i].status == REFUND_DUE)
			(void)see_transaction(walk, &transaction_id);
		else
			(void)see_refund(walk, &event->refunds[i].refund_id);
	}
}

enum error event_needs(const struct event *event, const struct view *view, struct needs *needs)
{
	assert(event != NULL && view != NULL && needs != NULL);
	struct walk walk = {.view = view, .needs = needs};
	struct short_text transaction_id = short_text_of(event->transaction_id);
	switch (event_type_stream(event->type)) {
	case STREAM_SALE:
		(void)see_sale(&walk, &event->event_id);
		break;
	case STREAM_HOLD:
		(void)see_hold(&walk, &event->stream_id);
		break;
	case STREAM_ORDER:
		(void)see_order(&walk, &event->stream_id);
		if (event->type == EVENT_ORDER_CREATED)
			(void)see_hold(&walk, &event->hold_id);
		if (transaction_id.length > 0)
			(void)see_transaction(&walk, &transaction_id);
		see_event_refunds(&walk, event);
		break;
	}
	for (uint32_t i = 0; i < event->item_count; i++)
		(void)see_seat(&walk, &event->event_id, &event->items[i].seat);
	return walk.is_out_of_memory ? ERR_NO_MEMORY : OK;
}

static int compare_uuids(const void *a, const void *b)
{
	return uuid_compare(a, b);
}

static int compare_seats(const void *a, const void *b)
{
	const struct seat_name *left = a, *right = b;
	int order = uuid_compare(&left->event_id, &right->event_id);
	return order != 0 ? order : slice_compare(seat_label_slice(&left->label), seat_label_slice(&right->label));
}

static int compare_texts(const void *a, const void *b)
{
	return slice_compare(short_text_slice(a), short_text_slice(b));
}

static int compare_keys(const void *a, const void *b)
{
	const struct idempotency *left = a, *right = b;
	return memcmp(left->key, right->key, sizeof left->key);
}

/* Sorts the array and keeps one of each; answers how many are left. */
static uint32_t make_distinct(void *array, uint32_t count, size_t size, int (*compare)(const void *, const void *))
{
	if (count < 2)
		return count;
	qsort(array, count, size, compare);
	char *bytes = array;
	uint32_t kept = 1;
	for (uint32_t i = 1; i < count; i++)
		if (compare(bytes + (kept - 1) * size, bytes + i * size) != 0)
			memmove(bytes + kept++ * size, bytes + i * size, size);
	return kept;
}

void needs_finish(struct needs *needs)
{
	assert(needs != NULL);
	needs->sale_count = make_distinct(needs->sales, needs->sale_count, sizeof *needs->sales, compare_uuids);
	needs->seat_count = make_distinct(needs->seats, needs->seat_count, sizeof *needs->seats, compare_seats);
	needs->hold_count = make_distinct(needs->holds, needs->hold_count, sizeof *needs->holds, compare_uuids);
	needs->order_count = make_distinct(needs->orders, needs->order_count, sizeof *needs->orders, compare_uuids);
	needs->payment_count = make_distinct(needs->payments, needs->payment_count, sizeof *needs->payments, compare_texts);
	needs->refund_count = make_distinct(needs->refunds, needs->refund_count, sizeof *needs->refunds, compare_uuids);
	needs->key_count = make_distinct(needs->keys, needs->key_count, sizeof *needs->keys, compare_keys);
}
