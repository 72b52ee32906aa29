/* test_refunds.c: every store and reader with refunds, with payments that change, and with cancelled events. */
#include "tests/contract/backends.h"

#include "domain/payment.h"
#include "domain/refund.h"
#include "tests/support/store_driver.h"

struct shop {
	struct store_driver driver;
	struct reader *reader;
	struct arena arena;
};

static struct shop open_shop(struct backend *backend)
{
	struct shop shop;
	store_driver_init(&shop.driver, backend_store(backend));
	shop.reader = backend_reader(backend);
	arena_init(&shop.arena, 65536, 64 * 1024 * 1024);
	assert_int_equal(store_driver_run(&shop.driver, 0, sale_create_command(&shop.driver.request)), OK);
	return shop;
}

static void close_shop(struct shop *shop)
{
	reader_free(shop->reader);
	store_free(shop->driver.store);
	store_driver_release(&shop->driver);
	arena_release(&shop->arena);
}

static void run(struct shop *shop, uint64_t after_ms, struct command command)
{
	assert_int_equal(store_driver_run(&shop->driver, after_ms, command), OK);
}

/* Ann's order of that number of one seat, 1000 cents. */
static void order(struct shop *shop, uint64_t after_ms, uint32_t number)
{
	const char seat[] = {(char)('0' + number), '\0'};
	run(shop, after_ms, hold_command(&shop->driver.request, number, "ann", seat));
	run(shop, after_ms, order_command(&shop->driver.request, number, "ann", number));
}

static void pay(struct shop *shop, uint64_t after_ms, uint32_t number, const char *transaction, int64_t amount)
{
	struct command command = payment_command(&shop->driver.request, number, transaction, PAYMENT_SUCCEEDED);
	command.payment.has_amount = true;
	command.payment.amount = amount;
	run(shop, after_ms, command);
}

static struct refund_list list(struct shop *shop, enum refund_status status, struct uuid event_id, struct uuid after, uint32_t limit)
{
	const struct refund_query query = {.status = status, .event_id = event_id, .after = after, .limit = limit};
	struct refund_list answer;
	assert_int_equal(shop->reader->operations->list_refunds(shop->reader, &query, &shop->arena, &answer), STORE_OK);
	return answer;
}

static const struct uuid all = {0};

static struct command order_call_off(struct shop *shop, uint32_t number)
{
	struct command command = order_expire_command(&shop->driver.request, number);
	command.kind = COMMAND_ORDER_CALL_OFF;
	return command;
}

static struct command hold_call_off(struct shop *shop, uint32_t number)
{
	struct command command = hold_expire_command(&shop->driver.request, number);
	command.kind = COMMAND_HOLD_CALL_OFF;
	return command;
}

/* As another process does: with a view that knows nothing. */
static void forget(struct shop *shop)
{
	view_clear(shop->driver.view);
}

static const struct payment *load_payment(struct shop *shop, const char *transaction)
{
	struct short_text text = short_text_of(slice_of(transaction));
	struct needs needs;
	needs_init(&needs, &shop->arena);
	needs.payments = &text;
	needs.payment_count = 1;
	forget(shop);
	store_driver_begin(&shop->driver, 1000);
	assert_int_equal(store_load(shop->driver.store, &needs, shop->driver.view), STORE_OK);
	return view_payment(shop->driver.view, &text);
}

static void a_payment_that_failed_is_changed_when_it_succeeds(void **state)
{
	struct shop shop = open_shop(*state);
	order(&shop, 1, 1);
	run(&shop, 2, payment_command(&shop.driver.request, 1, "t-1", PAYMENT_FAILED));
	forget(&shop);
	pay(&shop, 3, 1, "t-1", 1250);
	const struct payment *payment = load_payment(&shop, "t-1");
	assert_int_equal(payment->status, PAYMENT_SUCCEEDED);
	assert_int_equal(payment->amount, 1250);
	assert_string_equal(payment->currency.code, "EUR");
	assert_false(uuid_is_nil(&payment->refund_ids[0]));
	assert_true(uuid_is_nil(&payment->refund_ids[1]));
	assert_true(slice_equal_string(payment->answer, "{\"n\":4}")); /* created, failed, confirmed, refund required */
	close_shop(&shop);
}

static void an_orders_account_is_stored(void **state)
{
	struct shop shop = open_shop(*state);
	order(&shop, 1, 1);
	pay(&shop, 2, 1, "t-1", 1250);
	pay(&shop, 3, 1, "t-2", 7);
	struct uuid order_id = test_order_id(1);
	const struct row *row;
	assert_int_equal(shop.reader->operations->find(shop.reader, ROW_ORDER, &order_id, &shop.arena, &row), STORE_OK);
	const struct order *found = (const struct order *)(const void *)row;
	assert_int_equal(found->paid, 1257);
	assert_int_equal(found->kept, 1000);
	assert_int_equal(found->refunds_due, 257);
	assert_int_equal(found->refunded, 0);
	assert_int_equal(found->refund_count, 2);
	assert_int_equal(found->refunds_open, 2);
	assert_true(slice_equal_string(short_text_slice(&found->paid_with), "t-1"));
	close_shop(&shop);
}

static void a_refund_is_made_closed_and_answered_again(void **state)
{
	struct shop shop = open_shop(*state);
	order(&shop, 1, 1);
	pay(&shop, 2, 1, "t-1", 1250);
	struct refund_list due = list(&shop, REFUND_DUE, all, all, 10);
	assert_int_equal(due.count, 1);
	struct uuid refund_id = due.refunds[0].refund_id;
	assert_int_equal(due.refunds[0].amount, 250);
	assert_int_equal(due.refunds[0].reason, REFUND_OVERPAYMENT);
	assert_true(slice_equal_string(short_text_slice(&due.refunds[0].transaction_id), "t-1"));
	struct uuid order_id = test_order_id(1), event_id = test_event_id();
	assert_true(uuid_equal(&due.refunds[0].order_id, &order_id));
	assert_true(uuid_equal(&due.refunds[0].event_id, &event_id));
	assert_int_equal(due.refunds[0].created_at_ms, hlc_milliseconds(uuid_stamp(&refund_id)));
	forget(&shop);
	struct command refunded = payment_command(&shop.driver.request, 1, "t-1", PAYMENT_REFUNDED);
	run(&shop, 3, refunded);
	assert_int_equal(list(&shop, REFUND_DUE, all, all, 10).count, 0);
	const struct row *row;
	assert_int_equal(shop.reader->operations->find(shop.reader, ROW_REFUND, &refund_id, &shop.arena, &row), STORE_OK);
	const struct refund *refund = (const struct refund *)(const void *)row;
	assert_int_equal(refund->status, REFUND_DONE);
	assert_int_equal(refund->done_at_ms, TEST_NOW_MS + 3);
	assert_false(uuid_is_nil(&refund->closed_by));
	forget(&shop);
	run(&shop, 4, refunded);
	assert_true(shop.driver.outcome.is_replayed);
	assert_true(slice_equal_string(shop.driver.outcome.body, "{\"n\":4}"));
	close_shop(&shop);
}

static void two_who_close_a_refund_do_it_once(void **state)
{
	struct shop shop = open_shop(*state);
	struct store_driver other;
	order(&shop, 1, 1);
	pay(&shop, 2, 1, "t-1", 1250);
	store_driver_init(&other, backend_store(*state));
	struct command refunded = payment_command(&other.request, 1, "t-1", PAYMENT_REFUNDED);
	store_driver_begin(&other, 3);
	assert_int_equal(store_driver_decide(&other, refunded), OK);
	run(&shop, 3, refunded);
	assert_int_equal(store_driver_commit(&other), STORE_STALE);
	store_free(other.store);
	store_driver_release(&other);
	close_shop(&shop);
}

static void refunds_are_listed_in_the_order_of_their_making_and_paged(void **state)
{
	struct shop shop = open_shop(*state);
	for (uint32_t number = 1; number <= 4; number++) {
		const char transaction[] = {'t', (char)('0' + number), '\0'};
		order(&shop, 2 * number, number);
		pay(&shop, 2 * number + 1, number, transaction, 1);
	}
	struct refund_list page = list(&shop, 0, all, all, 3);
	assert_int_equal(page.count, 3);
	assert_true(slice_equal_string(short_text_slice(&page.refunds[0].transaction_id), "t1"));
	struct uuid last = page.refunds[2].refund_id;
	assert_int_equal(list(&shop, 0, all, last, 3).count, 1);
	struct command done = sale_command(&shop.driver.request, COMMAND_REFUND_DONE);
	done.refund_id = last;
	run(&shop, 20, done);
	assert_int_equal(list(&shop, REFUND_DUE, all, all, 10).count, 3);
	assert_int_equal(list(&shop, REFUND_DUE, all, page.refunds[1].refund_id, 10).count, 1);
	assert_int_equal(list(&shop, REFUND_DONE, all, all, 10).count, 1);
	assert_int_equal(list(&shop, REFUND_DUE, test_event_id(), all, 10).count, 3);
	assert_int_equal(list(&shop, 0, test_event_id(), page.refunds[0].refund_id, 10).count, 3);
	assert_int_equal(list(&shop, 0, test_hold_id(1), all, 10).count, 0);
	close_shop(&shop);
}

static struct due_list cancelled(struct shop *shop, const struct uuid *after, uint32_t limit)
{
	struct due_list answer;
	struct uuid event_id = {0};
	assert_int_equal(shop->reader->operations->list_cancelled(shop->reader, after, limit, &shop->arena, &event_id, &answer), STORE_OK);
	return answer;
}

static struct sale_account account(struct shop *shop)
{
	struct uuid event_id = test_event_id();
	struct sale_account answer;
	assert_int_equal(shop->reader->operations->account(shop->reader, &event_id, &answer), STORE_OK);
	return answer;
}

/* A hold, a pending order and two that are paid, 1000 cents each. */
static struct shop open_busy_shop(struct backend *backend)
{
	struct shop shop = open_shop(backend);
	run(&shop, 1, hold_command(&shop.driver.request, 1, "ann", "1"));
	for (uint32_t number = 2; number <= 4; number++)
		order(&shop, 2, number);
	run(&shop, 3, payment_command(&shop.driver.request, 2, "t-2", PAYMENT_SUCCEEDED));
	run(&shop, 3, payment_command(&shop.driver.request, 3, "t-3", PAYMENT_SUCCEEDED));
	return shop;
}

static void an_event_has_an_account(void **state)
{
	struct shop shop = open_busy_shop(*state);
	struct sale_account answer = account(&shop);
	assert_int_equal(answer.active_holds, 1);
	assert_int_equal(answer.pending_orders, 1);
	assert_int_equal(answer.paid_orders, 2);
	assert_int_equal(answer.paid, 2000);
	assert_string_equal(answer.currency.code, "EUR");
	assert_false(answer.is_settled);
	struct uuid unknown = test_hold_id(1);
	assert_int_equal(shop.reader->operations->account(shop.reader, &unknown, &answer), STORE_OK);
	assert_int_equal(answer.paid_orders, 0);
	close_shop(&shop);
}

static void a_cancelled_event_lists_open_holds_and_orders_until_it_is_settled(void **state)
{
	struct shop shop = open_busy_shop(*state);
	struct arena *arena = &shop.driver.request;
	struct uuid event_id = test_event_id();
	assert_int_equal(cancelled(&shop, NULL, 10).count, 0);
	run(&shop, 4, sale_command(arena, COMMAND_SALE_CANCEL));
	struct due_list open = cancelled(&shop, NULL, 10);
	assert_int_equal(open.count, 4);
	uint32_t holds = 0, orders = 0;
	for (uint32_t i = 0; i < open.count; i++) {
		holds += open.items[i].kind == ROW_HOLD;
		orders += open.items[i].kind == ROW_ORDER;
	}
	assert_int_equal(holds, 1);
	assert_int_equal(orders, 3);
	assert_int_equal(cancelled(&shop, NULL, 2).count, 2);
	assert_int_equal(cancelled(&shop, &event_id, 10).count, 0);
	forget(&shop);
	run(&shop, 5, hold_call_off(&shop, 1));
	for (uint32_t number = 2; number <= 4; number++)
		run(&shop, 5, order_call_off(&shop, number));
	assert_int_equal(list(&shop, REFUND_DUE, event_id, all, 10).count, 2);
	struct sale_account answer = account(&shop);
	assert_int_equal(answer.active_holds + answer.pending_orders + answer.paid_orders, 0);
	assert_int_equal(answer.paid, 0);
	open = cancelled(&shop, NULL, 10);
	assert_int_equal(open.count, 1);
	assert_int_equal(open.items[0].kind, ROW_SALE);
	assert_int_equal(open.items[0].deadline_ms, TEST_NOW_MS + 4 + LAST_COMMITS_MS);
	assert_true(uuid_equal(&open.items[0].id, &event_id));
	run(&shop, 6, sale_command(arena, COMMAND_SALE_SETTLE));
	assert_int_equal(cancelled(&shop, NULL, 10).count, 0);
	assert_true(account(&shop).is_settled);
	forget(&shop);
	run(&shop, 7, sale_command(arena, COMMAND_SALE_SETTLE)); /* it is stored */
	assert_int_equal(shop.driver.changes.event_count, 0);
	close_shop(&shop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BACKEND_TEST(a_payment_that_failed_is_changed_when_it_succeeds),
		BACKEND_TEST(an_orders_account_is_stored),
		BACKEND_TEST(a_refund_is_made_closed_and_answered_again),
		BACKEND_TEST(two_who_close_a_refund_do_it_once),
		BACKEND_TEST(refunds_are_listed_in_the_order_of_their_making_and_paged),
		BACKEND_TEST(an_event_has_an_account),
		BACKEND_TEST(a_cancelled_event_lists_open_holds_and_orders_until_it_is_settled),
	};
	return backends_run("refunds", tests, ARRAY_LENGTH(tests));
}
