/* audit.c: every row, every event. */
#include "tests/sim/audit.h"

#include <stdlib.h>
#include <string.h>

#include "app/verifier.h"
#include "domain/payment.h"
#include "domain/refund.h"
#include "state/kinds.h"
#include "tests/sim/world.h"

#define ROWS_MAX 1000

#define AS(type, row) ((const struct type *)(const void *)(row))

struct auditing {
	struct world *world;
	const struct model *model;
	struct arena arena;
	const struct row **rows[ROW_KEY];
	uint32_t counts[ROW_KEY];
};

static void scan(struct auditing *auditing)
{
	struct reader *reader = auditing->world->reader;
	for (enum row_kind kind = ROW_SALE; kind < ROW_KEY; kind++)
		if (reader->operations->scan(reader, kind, NULL, ROWS_MAX, &auditing->arena, &auditing->rows[kind],
		                             &auditing->counts[kind]) != STORE_OK)
			abort();
}

static void audit_sales(struct auditing *auditing)
{
	uint32_t count = 0;
	for (uint32_t event = 0; event < EVENT_COUNT; event++)
		count += auditing->model->sales[event].status != 0;
	if (count != auditing->counts[ROW_SALE])
		world_fail(auditing->world, "there are %u events, the model has %u", auditing->counts[ROW_SALE], count);
	for (uint32_t i = 0; i < count; i++) {
		const struct sale *sale = AS(sale, auditing->rows[ROW_SALE][i]);
		const struct model_sale *expected = &auditing->model->sales[event_of(&sale->event_id)];
		if (sale->status != expected->status || sale->sequence != expected->sequence || sale->is_settled != expected->is_settled)
			world_fail(auditing->world, "event %u is not as in the model", event_of(&sale->event_id));
	}
}

static void audit_seats(struct auditing *auditing)
{
	if (auditing->counts[ROW_SEAT] != SEAT_COUNT * auditing->counts[ROW_SALE])
		world_fail(auditing->world, "there are %u seats", auditing->counts[ROW_SEAT]);
	for (uint32_t i = 0; i < auditing->counts[ROW_SEAT]; i++) {
		const struct seat *seat = AS(seat, auditing->rows[ROW_SEAT][i]);
		uint32_t event = event_of(&seat->event_id), number = i % SEAT_COUNT;
		const struct model_seat *expected = &auditing->model->seats[event][number];
		struct uuid holder = {0};
		if (expected->status == SEAT_HELD)
			holder = hold_id_of(event, expected->holder);
		else if (expected->status != SEAT_AVAILABLE)
			holder = order_id_of(event, expected->holder);
		if (seat->status != expected->status || !uuid_equal(&seat->holder_id, &holder) || seat->price != price_of(event, number))
			world_fail(auditing->world, "seat %u of event %u is %s, the model says %s by %u", number, event,
			           seat_status_name(seat->status), seat_status_name(expected->status), expected->holder);
	}
}

static bool labels_equal(const struct seat_label *label, uint8_t seat)
{
	struct seat_label expected = label_of(seat);
	return seat_label_equal(label, &expected);
}

static void audit_hold(struct auditing *auditing, const struct hold *hold)
{
	uint32_t number = number_of(&hold->hold_id);
	const struct model_hold *expected = &auditing->model->holds[number];
	bool is_equal = hold->status == expected->status && hold->sequence == expected->sequence &&
	                hold->seat_count == expected->seat_count && hold->expires_at_ms == expected->expires_at_ms &&
	                slice_equal(short_text_slice(&hold->user), user_of(expected->user)) && event_of(&hold->event_id) == expected->event;
	for (uint32_t i = 0; is_equal && i < hold->seat_count; i++)
		is_equal = labels_equal(&hold->seats[i], expected->seats[i]);
	if (!is_equal)
		world_fail(auditing->world, "hold %u is not as in the model", number);
}

static bool account_is_equal(const struct model *model, const struct order *order, uint16_t number)
{
	struct model_account account = model_account_of(model, number);
	return order->paid == account.paid && order->kept == account.kept && order->refunds_due == account.due &&
	       order->refunded == account.refunded && order->refund_count == account.refund_count &&
	       order->refunds_open == account.open_count && account.paid == account.kept + account.due + account.refunded;
}

static void audit_order(struct auditing *auditing, const struct order *order)
{
	uint32_t number = number_of(&order->order_id);
	const struct model_order *expected = &auditing->model->orders[number];
	struct uuid hold_id = hold_id_of(expected->event, expected->hold);
	bool is_equal = order->status == expected->status && order->sequence == expected->sequence &&
	                order->item_count == expected->seat_count && order->pay_by_ms == expected->pay_by_ms &&
	                order->total == expected->total && account_is_equal(auditing->model, order, (uint16_t)number) &&
	                slice_equal(short_text_slice(&order->user), user_of(expected->user)) && uuid_equal(&order->hold_id, &hold_id);
	for (uint32_t i = 0; is_equal && i < order->item_count; i++)
		is_equal = labels_equal(&order->items[i].seat, expected->seats[i]) &&
		           order->items[i].price == price_of(expected->event, expected->seats[i]);
	if (!is_equal)
		world_fail(auditing->world, "order %u is not as in the model", number);
}

static void audit_holds_and_orders(struct auditing *auditing)
{
	uint32_t holds = 0, orders = 0, payments = 0;
	for (uint32_t i = 0; i < ATTEMPTS_MAX; i++) {
		holds += auditing->model->holds[i].status != 0;
		orders += auditing->model->orders[i].status != 0;
		payments += auditing->model->payments[i].attempt != NOBODY;
	}
	if (holds != auditing->counts[ROW_HOLD] || orders != auditing->counts[ROW_ORDER] || payments != auditing->counts[ROW_PAYMENT])
		world_fail(auditing->world, "there are %u holds, %u orders, %u payments, the model has %u, %u, %u",
		           auditing->counts[ROW_HOLD], auditing->counts[ROW_ORDER], auditing->counts[ROW_PAYMENT], holds, orders, payments);
	for (uint32_t i = 0; i < holds; i++)
		audit_hold(auditing, AS(hold, auditing->rows[ROW_HOLD][i]));
	for (uint32_t i = 0; i < orders; i++)
		audit_order(auditing, AS(order, auditing->rows[ROW_ORDER][i]));
}

static void audit_refunds(struct auditing *auditing, const struct payment *payment, const struct model_payment *expected)
{
	for (uint32_t i = 0; i < REFUNDS_PER_PAYMENT_MAX; i++) {
		const struct model_refund *refund = &expected->refunds[i];
		const struct refund *found = NULL;
		for (uint32_t j = 0; j < auditing->counts[ROW_REFUND] && found == NULL; j++) {
			const struct refund *row = AS(refund, auditing->rows[ROW_REFUND][j]);
			found = uuid_equal(&row->refund_id, &payment->refund_ids[i]) ? row : NULL;
		}
		if (refund->amount == 0 && found == NULL)
			continue;
		bool is_due = refund->closed_by == NOBODY;
		if (found == NULL || found->amount != refund->amount || found->reason != refund->reason ||
		    found->status != (is_due ? REFUND_DUE : REFUND_DONE) ||
		    strcmp(found->currency.code, refund->is_foreign ? "USD" : "EUR") != 0 ||
		    !short_text_equal(&found->transaction_id, &payment->transaction_id))
			world_fail(auditing->world, "a refund of order %u is not as in the model", expected->order);
	}
}

static void audit_payments(struct auditing *auditing)
{
	uint32_t refunds = 0;
	for (uint16_t number = 0; number < ATTEMPTS_MAX; number++) {
		const struct model_payment *expected = &auditing->model->payments[number];
		if (expected->attempt == NOBODY)
			continue;
		struct short_text transaction = transaction_of(number);
		const struct payment *found = NULL;
		for (uint32_t i = 0; i < auditing->counts[ROW_PAYMENT] && found == NULL; i++) {
			const struct payment *payment = AS(payment, auditing->rows[ROW_PAYMENT][i]);
			found = short_text_equal(&payment->transaction_id, &transaction) ? payment : NULL;
		}
		if (found == NULL || found->status != expected->status || number_of(&found->order_id) != expected->order ||
		    found->amount != expected->amount)
			world_fail(auditing->world, "transaction %u is not as in the model", number);
		audit_refunds(auditing, found, expected);
		refunds += (uint32_t)(expected->refunds[0].amount > 0) + (uint32_t)(expected->refunds[1].amount > 0);
	}
	if (refunds != auditing->counts[ROW_REFUND])
		world_fail(auditing->world, "there are %u refunds, the model has %u", auditing->counts[ROW_REFUND], refunds);
}

/* Apart from the model: a live hold or order has its seats, and a seat that is not free has a live holder. */
static void audit_holders(struct auditing *auditing)
{
	uint32_t taken = 0, held = 0;
	for (uint32_t i = 0; i < auditing->counts[ROW_SEAT]; i++)
		taken += AS(seat, auditing->rows[ROW_SEAT][i])->status != SEAT_AVAILABLE;
	for (uint32_t i = 0; i < auditing->counts[ROW_HOLD]; i++) {
		const struct hold *hold = AS(hold, auditing->rows[ROW_HOLD][i]);
		held += hold->status == HOLD_ACTIVE ? hold->seat_count : 0;
	}
	for (uint32_t i = 0; i < auditing->counts[ROW_ORDER]; i++) {
		const struct order *order = AS(order, auditing->rows[ROW_ORDER][i]);
		held += order->status == ORDER_PENDING || order->status == ORDER_CONFIRMED ? order->item_count : 0;
	}
	if (taken != held)
		world_fail(auditing->world, "%u seats are taken, %u are in live holds and orders", taken, held);
}

static void on_difference(void *context, enum verify_finding finding, const struct row *row, const char *field)
{
	static const char *const findings[] = {[VERIFY_MISSING] = "is missing",
	                                       [VERIFY_EXTRA] = "comes from no event",
	                                       [VERIFY_DIFFERENT] = "is not as the events make it"};
	struct uuid stream_id = row_stream(row);
	world_fail(context, "a row of kind %u of stream %u %s%s%s", row->kind, number_of(&stream_id), findings[finding],
	           field == NULL ? "" : ": ", field == NULL ? "" : field);
}

/* The events alone, applied in the order of their ids, make every row there is, as in `tro verify`. */
static void audit_replay(struct auditing *auditing)
{
	struct memory_database *database = memory_database_new();
	struct verify verify = {.reader = auditing->world->reader, .found = on_difference, .context = auditing->world};
	if (database == NULL || memory_store_new(database, &verify.scratch) != OK ||
	    memory_reader_new(database, &verify.scratch_reader) != OK)
		abort();
	if (verify_store(&verify) != OK)
		world_fail(auditing->world, "the events cannot be replayed: %s",
		           verify.ret_problem == NULL ? "unreadable" : verify.ret_problem);
	store_free(verify.scratch);
	reader_free(verify.scratch_reader);
	memory_database_free(database);
}

void audit(struct world *world)
{
	struct auditing auditing = {.world = world, .model = world_model(world)};
	arena_init(&auditing.arena, 256 * 1024, 64 * 1024 * 1024);
	scan(&auditing);
	audit_sales(&auditing);
	audit_seats(&auditing);
	audit_holds_and_orders(&auditing);
	audit_payments(&auditing);
	audit_holders(&auditing);
	audit_replay(&auditing);
	arena_release(&auditing.arena);
}
