/* needs.c: one walk over what a command's decision reads, used to load it and to mark what a decision rests on. */
#include "state/needs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "state/cache.h"

void needs_init(struct needs *needs, struct arena *arena)
{
	assert(needs != NULL && arena != NULL);
	*needs = (struct needs){.arena = arena};
}

static struct uuid uuid_of(const struct row_key *key)
{
	struct uuid id;
	assert(key->first_length == sizeof id.bytes);
	memcpy(id.bytes, key->first, sizeof id.bytes);
	return id;
}

static void write_uuid(void *item, const struct row_key *key)
{
	assert(key->second_length == 0);
	*(struct uuid *)item = uuid_of(key);
}

static void write_seat(void *item, const struct row_key *key)
{
	assert(key->kind == ROW_SEAT && key->second_length <= SEAT_LABEL_LENGTH_MAX);
	*(struct seat_name *)item = (struct seat_name){
		.event_id = uuid_of(key), .label = seat_label_of((struct slice){.data = key->second, .length = key->second_length})};
}

static void write_text(void *item, const struct row_key *key)
{
	assert(key->first_length <= SHORT_TEXT_LENGTH_MAX);
	*(struct short_text *)item = short_text_of((struct slice){.data = key->first, .length = key->first_length});
}

static void write_idempotency_key(void *item, const struct row_key *key)
{
	assert(key->first_length == KEY_HASH_LENGTH);
	struct idempotency *idempotency = item;
	*idempotency = (struct idempotency){.is_present = true};
	memcpy(idempotency->key, key->first, KEY_HASH_LENGTH);
}

static struct row_key key_of_uuid(enum row_kind kind, const void *item)
{
	return row_key_of_uuid(kind, item);
}

static struct row_key key_of_seat(enum row_kind kind, const void *item)
{
	assert(kind == ROW_SEAT);
	const struct seat_name *seat = item;
	return row_key_of_seat(&seat->event_id, &seat->label);
}

static struct row_key key_of_text(enum row_kind kind, const void *item)
{
	assert(kind == ROW_PAYMENT);
	return row_key_of_payment(item);
}

static struct row_key key_of_idempotency_key(enum row_kind kind, const void *item)
{
	assert(kind == ROW_KEY);
	return row_key_of_hash(((const struct idempotency *)item)->key);
}

/* The place of each kind's keys in struct needs, and their type. */
#define LIST(array, counter, type) \
	{ \
		offsetof(struct needs, array), offsetof(struct needs, counter), sizeof *((struct needs *)0)->array, write_##type, \
			key_of_##type \
	}
static const struct {
	size_t array, count, size;
	void (*write)(void *item, const struct row_key *key);
	struct row_key (*key)(enum row_kind kind, const void *item);
} lists[ROW_KIND_COUNT] = {
	[ROW_SALE] = LIST(sales, sale_count, uuid),          [ROW_SEAT] = LIST(seats, seat_count, seat),
	[ROW_HOLD] = LIST(holds, hold_count, uuid),          [ROW_ORDER] = LIST(orders, order_count, uuid),
	[ROW_PAYMENT] = LIST(payments, payment_count, text), [ROW_REFUND] = LIST(refunds, refund_count, uuid),
	[ROW_KEY] = LIST(keys, key_count, idempotency_key),
};

static char *items_of(const struct needs *needs, enum row_kind kind)
{
	assert(needs != NULL);
	assert(kind < ROW_KIND_COUNT);
	char *items;
	memcpy(&items, (const char *)needs + lists[kind].array, sizeof items);
	return items;
}

static uint32_t *count_of(const struct needs *needs, enum row_kind kind)
{
	assert(kind < ROW_KIND_COUNT);
	return (uint32_t *)((uintptr_t)needs + lists[kind].count);
}

bool needs_are_empty(const struct needs *needs)
{
	assert(needs != NULL);
	uint32_t count = 0;
	for (enum row_kind kind = 0; kind < ROW_KIND_COUNT; kind++)
		count += *count_of(needs, kind);
	return count == 0;
}

/* False: the arena is full. */
static bool need(struct needs *needs, const struct row_key *key)
{
	assert(needs->arena != NULL && key->kind < ROW_KIND_COUNT);
	char *items = items_of(needs, key->kind);
	uint32_t *count = count_of(needs, key->kind), *capacity = &needs->capacity[key->kind];
	size_t size = lists[key->kind].size;
	assert(*count <= *capacity);
	if (*count == *capacity) {
		uint32_t larger = *count == 0 ? 32 : *count * 2;
		char *copy = arena_allocate(needs->arena, larger * size);
		if (copy == NULL)
			return false;
		if (*count > 0)
			memcpy(copy, items, *count * size);
		memcpy((char *)needs + lists[key->kind].array, &copy, sizeof copy);
		items = copy;
		*capacity = larger;
	}
	lists[key->kind].write(items + (*count)++ * size, key);
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

/* NULL unless the row is loaded and exists. That a transaction is unused must still be so when a refusal is answered, as with a key: the
 * order that was read after it may show what the first report with it has just done. */
static const void *see(struct walk *walk, struct row_key key)
{
	assert(walk->needs == NULL || walk->rely_on == NULL);
	const struct row *row = view_find(walk->view, &key);
	assert(row == NULL || row->kind == key.kind);
	walk->meets_dispatched |= view_is_dispatched(row);
	if (walk->rely_on != NULL && row != NULL)
		view_rely_on(walk->rely_on, row, walk->is_refusal && key.kind != ROW_PAYMENT);
	if (walk->needs != NULL && !view_knows(walk->view, row) && !need(walk->needs, &key))
		walk->is_out_of_memory = true;
	return row == NULL || row->version == 0 ? NULL : row;
}

static void see_sale(struct walk *walk, const struct uuid *event_id)
{
	assert(event_id != NULL);
	(void)see(walk, row_key_of_uuid(ROW_SALE, event_id));
}

static const struct seat *see_seat(struct walk *walk, const struct uuid *event_id, const struct seat_label *label)
{
	assert(event_id != NULL && label != NULL);
	return see(walk, row_key_of_seat(event_id, label));
}

static const struct hold *see_hold(struct walk *walk, const struct uuid *hold_id)
{
	assert(hold_id != NULL);
	return see(walk, row_key_of_uuid(ROW_HOLD, hold_id));
}

static const struct order *see_order(struct walk *walk, const struct uuid *order_id)
{
	assert(order_id != NULL);
	return see(walk, row_key_of_uuid(ROW_ORDER, order_id));
}

static const struct refund *see_refund(struct walk *walk, const struct uuid *refund_id)
{
	assert(refund_id != NULL);
	return see(walk, row_key_of_uuid(ROW_REFUND, refund_id));
}

static void see_hold_seats(struct walk *walk, const struct hold *hold)
{
	assert(hold->row.version != 0 && hold->seat_count <= SEATS_PER_HOLD_LIMIT);
	for (uint32_t i = 0; i < hold->seat_count; i++)
		(void)see_seat(walk, &hold->event_id, &hold->seats[i]);
}

static void see_order_seats(struct walk *walk, const struct order *order)
{
	assert(order->row.version != 0 && order->item_count <= SEATS_PER_HOLD_LIMIT);
	for (uint32_t i = 0; i < order->item_count; i++)
		(void)see_seat(walk, &order->event_id, &order->items[i].seat);
}

/* A seat that a command wants to take: needs its holder and, if that has lapsed, all of the holder's seats. */
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
	assert(seats != NULL && count <= SEATS_PER_HOLD_LIMIT);
	see_sale(walk, event_id);
	for (uint32_t i = 0; i < count; i++)
		see_wanted_seat(walk, event_id, &seats[i]);
}

static void see_active_hold(struct walk *walk, const struct uuid *hold_id, bool with_sale)
{
	assert(hold_id != NULL);
	const struct hold *hold = see_hold(walk, hold_id);
	if (hold == NULL)
		return;
	if (with_sale)
		see_sale(walk, &hold->event_id);
	if (hold->status == HOLD_ACTIVE)
		see_hold_seats(walk, hold);
}

static void see_pending_order(struct walk *walk, const struct uuid *order_id)
{
	assert(order_id != NULL);
	const struct order *order = see_order(walk, order_id);
	if (order != NULL && order->status == ORDER_PENDING)
		see_order_seats(walk, order);
}

static const struct payment *see_transaction(struct walk *walk, const struct short_text *transaction_id)
{
	assert(transaction_id != NULL);
	return see(walk, row_key_of_payment(transaction_id));
}

/* The refunds of the payment that was given back, and the one that the report names. */
static void see_given_back(struct walk *walk, const struct payment_report *report)
{
	assert(report->status == PAYMENT_REFUNDED);
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
	assert(report->status != PAYMENT_REFUNDED);
	(void)see_transaction(walk, &report->transaction_id);
	const struct order *order = see_order(walk, &report->order_id);
	if (order == NULL)
		return;
	see_sale(walk, &order->event_id);
	/* A late payment takes the seats again wherever they are free. */
	for (uint32_t i = 0; order->status != ORDER_CONFIRMED && i < order->item_count; i++)
		see_wanted_seat(walk, &order->event_id, &order->items[i].seat);
}

/* An order of a cancelled event: its seats while it is pending, its payment while it keeps the money. */
static void see_called_off(struct walk *walk, const struct uuid *order_id)
{
	assert(order_id != NULL);
	see_pending_order(walk, order_id);
	const struct order *order = see_order(walk, order_id);
	if (order == NULL)
		return;
	see_sale(walk, &order->event_id);
	if (order->kept > 0)
		(void)see_transaction(walk, &order->paid_with);
}

static void walk_command(struct walk *walk, const struct command *command)
{
	assert(command->kind < COMMAND_KIND_COUNT);
	switch (command->kind) {
	case COMMAND_SALE_CREATE:
		see_sale(walk, &command->sale_create.event_id);
		break;
	case COMMAND_SALE_PAUSE:
	case COMMAND_SALE_RESUME:
	case COMMAND_SALE_CANCEL:
	case COMMAND_SALE_SETTLE:
		see_sale(walk, &command->event_id);
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
	if (with_key && command->idempotency.is_present)
		(void)see(&walk, row_key_of_hash(command->idempotency.key));
	return walk.is_out_of_memory ? ERR_NO_MEMORY : OK;
}

bool needs_confirm(const struct needs *needs, struct view *view)
{
	assert(needs != NULL && view != NULL);
	bool is_whole = true;
	for (enum row_kind kind = 0; kind < ROW_KIND_COUNT; kind++) {
		const char *items = items_of(needs, kind);
		for (uint32_t i = 0; i < *count_of(needs, kind); i++) {
			struct row_key key = lists[kind].key(kind, items + i * lists[kind].size);
			const struct row *row = view_find(view, &key);
			is_whole &= row != NULL;
			if (row != NULL)
				view_confirm(view, row);
		}
	}
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
	if (view_dispatched_count(view) == 0)
		return false;
	struct walk walk = {.view = view};
	walk_command(&walk, command);
	const struct key *key = command->idempotency.is_present ? view_key(view, command->idempotency.key) : NULL;
	return walk.meets_dispatched || view_is_dispatched(key == NULL ? NULL : &key->row);
}

/* The payment or refund that each refund of the event changes. */
static void see_event_refunds(struct walk *walk, const struct event *event)
{
	assert(event->refund_count <= REFUNDS_PER_PAYMENT_MAX);
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
		see_sale(&walk, &event->event_id);
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

static int compare_items(const void *a, const void *b, void *kind)
{
	assert(*(const enum row_kind *)kind < ROW_KIND_COUNT);
	enum row_kind of = *(const enum row_kind *)kind;
	struct row_key left = lists[of].key(of, a), right = lists[of].key(of, b);
	return row_key_order(&left, &right);
}

void needs_finish(struct needs *needs)
{
	assert(needs != NULL);
	for (enum row_kind kind = 0; kind < ROW_KIND_COUNT; kind++) {
		char *items = items_of(needs, kind);
		uint32_t *count = count_of(needs, kind), kept = *count > 0;
		size_t size = lists[kind].size;
		if (*count > 1)
			qsort_r(items, *count, size, compare_items, &kind);
		for (uint32_t i = 1; i < *count; i++)
			if (compare_items(items + (kept - 1) * size, items + i * size, &kind) != 0)
				memmove(items + kept++ * size, items + i * size, size);
		*count = kept;
	}
}
