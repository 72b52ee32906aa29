/* test_view.c: rows that a lane remembers between batches, and rows that it must forget. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "state/view.h"
#include "tests/support/commands.h"

struct fixture {
	struct view *view;
	struct arena arena;
};

#define ROWS_MAX 4

static int set_up(void **state)
{
	static struct fixture fixture;
	fixture.view = view_new(ROWS_MAX, (struct hash_seed){7, 8});
	arena_init(&fixture.arena, 4096, 65536);
	view_step_begin(fixture.view, TEST_NOW_MS);
	*state = &fixture;
	return fixture.view == NULL;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	view_free(fixture->view);
	arena_release(&fixture->arena);
	return 0;
}

static struct seat *put_seat(struct view *view, uint32_t seat, uint64_t version)
{
	const struct seat row = {.row.version = version, .event_id = test_event_id(), .label = test_label(seat), .status = SEAT_AVAILABLE};
	return view_put_seat(view, &row);
}

static const struct seat *find_seat(struct view *view, uint32_t seat)
{
	struct uuid event_id = test_event_id();
	struct seat_label label = test_label(seat);
	return view_seat(view, &event_id, &label);
}

static uint32_t relied_count(struct fixture *fixture)
{
	uint32_t count = 77;
	assert_non_null(view_relied(fixture->view, &fixture->arena, &count));
	return count;
}

static uint32_t changed_count(struct fixture *fixture)
{
	uint32_t count = 77;
	assert_non_null(view_changed(fixture->view, &fixture->arena, &count));
	assert_int_equal(count > 0, view_has_changes(fixture->view));
	return count;
}

static void next_step(struct fixture *fixture)
{
	view_step_committed(fixture->view);
	view_step_begin(fixture->view, TEST_NOW_MS + 1);
}

static void rows_of_every_kind_are_found_by_their_keys(void **state)
{
	struct view *view = ((struct fixture *)*state)->view;
	struct uuid id = test_hold_id(1);
	struct seat_label labels[] = {test_label(1), test_label(2)};
	struct order_item items[] = {{.seat = labels[0], .price = 5}};
	struct short_text transaction = short_text_of(SLICE("t1"));
	const struct key key = {.row.version = 1, .idempotency = {.is_present = true, .key = "0123456789abcde"}, .answer = SLICE("{}")};
	/* One id under three kinds: the kind is part of the key. */
	assert_non_null(view_put_sale(view, &(struct sale){.row.version = 1, .event_id = id, .seat_count = 5}));
	assert_non_null(view_put_hold(view, &(struct hold){.row.version = 2, .hold_id = id, .seat_count = 2, .seats = labels}));
	assert_non_null(view_put_order(view, &(struct order){.row.version = 3, .order_id = id, .item_count = 1, .items = items}));
	assert_non_null(view_put_payment(view, &(struct payment){.row.version = 4, .transaction_id = transaction, .answer = SLICE("[]")}));
	assert_non_null(view_put_key(view, &key));
	assert_non_null(put_seat(view, 3, 6));
	assert_int_equal(view_sale(view, &id)->seat_count, 5);
	assert_int_equal(view_hold(view, &id)->row.version, 2);
	assert_int_equal(view_order(view, &id)->items[0].price, 5);
	assert_true(slice_equal_string(view_payment(view, &transaction)->answer, "[]"));
	assert_true(slice_equal_string(view_key(view, key.idempotency.key)->answer, "{}"));
	assert_int_equal(find_seat(view, 3)->row.stored_version, 6);
	assert_null(find_seat(view, 4));
	assert_int_equal(view_row_count(view), 6);
	assert_int_equal(view_clock(view)->latest, 6);
}

static void arrays_and_texts_are_the_rows_own(void **state)
{
	struct view *view = ((struct fixture *)*state)->view;
	struct seat_label labels[] = {test_label(1), test_label(2)};
	struct hold *hold =
		view_put_hold(view, &(struct hold){.row.version = 2, .hold_id = test_hold_id(1), .seat_count = 2, .seats = labels});
	labels[1] = test_label(9);
	assert_memory_equal(hold->seats[1].text, "A-1-2", 5);
}

static void putting_again_replaces(void **state)
{
	struct view *view = ((struct fixture *)*state)->view;
	assert_non_null(put_seat(view, 1, 0));
	assert_non_null(put_seat(view, 1, 5));
	assert_non_null(put_seat(view, 1, 9));
	assert_int_equal(find_seat(view, 1)->row.version, 9);
	assert_int_equal(view_row_count(view), 1);
}

static void absence_is_remembered_until_the_step_ends(void **state)
{
	struct fixture *fixture = *state;
	assert_non_null(put_seat(fixture->view, 1, 0));
	assert_non_null(put_seat(fixture->view, 2, 3));
	assert_int_equal(find_seat(fixture->view, 1)->row.version, 0);
	next_step(fixture);
	assert_null(find_seat(fixture->view, 1));
	assert_non_null(find_seat(fixture->view, 2));
	assert_non_null(put_seat(fixture->view, 1, 0));
	view_step_failed(fixture->view);
	assert_null(find_seat(fixture->view, 1));
}

static void keys_are_remembered_until_the_step_ends(void **state)
{
	struct fixture *fixture = *state;
	const struct key key = {.row.version = 1, .idempotency.key = "0123456789abcde"};
	assert_non_null(view_put_key(fixture->view, &key));
	assert_non_null(view_key(fixture->view, key.idempotency.key));
	next_step(fixture);
	assert_null(view_key(fixture->view, key.idempotency.key));
	assert_int_equal(view_row_count(fixture->view), 0);
}

static void changed_rows_count_as_stored_once_the_step_is_committed(void **state)
{
	struct fixture *fixture = *state;
	struct seat *seat = put_seat(fixture->view, 1, 3);
	view_change(fixture->view, &seat->row, 8);
	view_change(fixture->view, &seat->row, 9);
	assert_int_equal(changed_count(fixture), 1);
	assert_int_equal(seat->row.stored_version, 3);
	assert_int_equal(seat->row.version, 9);
	next_step(fixture);
	assert_int_equal(changed_count(fixture), 0);
	assert_int_equal(find_seat(fixture->view, 1)->row.stored_version, 9);
}

static void changed_rows_are_forgotten_when_the_step_fails(void **state)
{
	struct fixture *fixture = *state;
	assert_non_null(put_seat(fixture->view, 1, 3));
	assert_non_null(put_seat(fixture->view, 2, 3));
	view_change(fixture->view, &put_seat(fixture->view, 3, 0)->row, 7);
	view_change(fixture->view, &put_seat(fixture->view, 4, 3)->row, 8);
	view_step_failed(fixture->view);
	assert_null(find_seat(fixture->view, 3));
	assert_null(find_seat(fixture->view, 4));
	assert_non_null(find_seat(fixture->view, 1));
	assert_int_equal(changed_count(fixture), 0);
}

static void a_row_that_was_made_survives_its_step(void **state)
{
	struct fixture *fixture = *state;
	view_change(fixture->view, &put_seat(fixture->view, 3, 0)->row, 7);
	next_step(fixture);
	assert_int_equal(find_seat(fixture->view, 3)->row.stored_version, 7);
}

static void a_refusal_relies_only_on_rows_of_earlier_steps(void **state)
{
	struct fixture *fixture = *state;
	struct seat *old = put_seat(fixture->view, 1, 3);
	view_rely_on(fixture->view, &old->row, true);
	assert_int_equal(relied_count(fixture), 0);
	next_step(fixture);
	const struct seat *fresh = put_seat(fixture->view, 2, 3);
	view_rely_on(fixture->view, &old->row, true);
	view_rely_on(fixture->view, &old->row, true);
	view_rely_on(fixture->view, &fresh->row, true);
	assert_int_equal(relied_count(fixture), 1);
	view_rely_on(fixture->view, &fresh->row, false);
	assert_int_equal(relied_count(fixture), 2);
	next_step(fixture);
	assert_int_equal(relied_count(fixture), 0);
}

static void a_row_relied_on_and_changed_later_is_guarded_by_its_change(void **state)
{
	struct fixture *fixture = *state;
	struct seat *seat = put_seat(fixture->view, 1, 3);
	struct seat *other = put_seat(fixture->view, 2, 3);
	next_step(fixture);
	view_rely_on(fixture->view, &seat->row, true);
	view_rely_on(fixture->view, &other->row, true);
	view_change(fixture->view, &seat->row, 9);
	assert_int_equal(relied_count(fixture), 1);
	view_step_failed(fixture->view);
	assert_int_equal(view_row_count(fixture->view), 0);
}

static void rows_relied_on_are_forgotten_when_the_step_fails(void **state)
{
	struct fixture *fixture = *state;
	struct seat *seat = put_seat(fixture->view, 1, 3);
	assert_non_null(put_seat(fixture->view, 2, 3));
	next_step(fixture);
	view_rely_on(fixture->view, &seat->row, true);
	view_step_failed(fixture->view);
	assert_null(find_seat(fixture->view, 1));
	assert_non_null(find_seat(fixture->view, 2));
}

static void an_absent_row_may_be_relied_on(void **state)
{
	struct fixture *fixture = *state;
	view_rely_on(fixture->view, &put_seat(fixture->view, 1, 0)->row, false);
	assert_int_equal(relied_count(fixture), 1);
	view_step_failed(fixture->view);
	assert_int_equal(view_row_count(fixture->view), 0);
	view_rely_on(fixture->view, &put_seat(fixture->view, 1, 0)->row, false);
	next_step(fixture);
	assert_int_equal(view_row_count(fixture->view), 0);
}

static void a_row_relied_on_may_be_replaced(void **state)
{
	struct fixture *fixture = *state;
	struct seat *seat = put_seat(fixture->view, 1, 3);
	next_step(fixture);
	view_rely_on(fixture->view, &seat->row, true);
	assert_non_null(put_seat(fixture->view, 1, 4));
	assert_int_equal(relied_count(fixture), 0);
	view_step_committed(fixture->view);
	assert_int_equal(find_seat(fixture->view, 1)->row.version, 4);
}

static void the_least_recently_used_go_when_there_are_too_many(void **state)
{
	struct fixture *fixture = *state;
	for (uint32_t i = 1; i <= ROWS_MAX + 2; i++)
		assert_non_null(put_seat(fixture->view, i, 1));
	assert_int_equal(view_row_count(fixture->view), ROWS_MAX + 2);
	assert_non_null(find_seat(fixture->view, 1));
	next_step(fixture);
	assert_int_equal(view_row_count(fixture->view), ROWS_MAX);
	assert_non_null(find_seat(fixture->view, 1));
	assert_null(find_seat(fixture->view, 2));
	assert_null(find_seat(fixture->view, 3));
	assert_non_null(find_seat(fixture->view, 4));
}

static void clearing_forgets_everything_but_the_clock(void **state)
{
	struct fixture *fixture = *state;
	assert_non_null(put_seat(fixture->view, 1, 0));
	view_change(fixture->view, &put_seat(fixture->view, 2, 12)->row, 13);
	view_clear(fixture->view);
	assert_int_equal(view_row_count(fixture->view), 0);
	assert_int_equal(view_clock(fixture->view)->latest, 12);
	view_step_failed(fixture->view);
	next_step(fixture);
}

/* Seat 1, loaded at version 3 and changed to 8, is on its way to the store. */
static void dispatch(struct fixture *fixture, struct list *dispatched)
{
	list_init(dispatched);
	view_change(fixture->view, &put_seat(fixture->view, 1, 3)->row, 8);
	view_step_dispatch(fixture->view, dispatched);
	view_step_begin(fixture->view, TEST_NOW_MS + 1);
}

static void dispatched_rows_stay_as_they_are_until_committed(void **state)
{
	struct fixture *fixture = *state;
	struct list dispatched;
	dispatch(fixture, &dispatched);
	const struct seat *seat = find_seat(fixture->view, 1);
	assert_true(view_is_dispatched(&seat->row));
	assert_int_equal(view_dispatched_count(fixture->view), 1);
	view_change(fixture->view, &put_seat(fixture->view, 2, 3)->row, 9);
	view_step_committed(fixture->view);
	assert_int_equal(seat->row.stored_version, 3);
	view_committed(fixture->view, &dispatched);
	assert_true(list_is_empty(&dispatched));
	assert_ptr_equal(find_seat(fixture->view, 1), seat);
	assert_int_equal(seat->row.stored_version, 8);
	assert_int_equal(view_dispatched_count(fixture->view), 0);
}

static void only_aborted_rows_are_forgotten(void **state)
{
	struct fixture *fixture = *state;
	struct list dispatched;
	dispatch(fixture, &dispatched);
	assert_non_null(put_seat(fixture->view, 2, 3));
	view_step_committed(fixture->view);
	view_aborted(fixture->view, &dispatched);
	assert_null(find_seat(fixture->view, 1));
	assert_non_null(find_seat(fixture->view, 2));
	assert_int_equal(view_dispatched_count(fixture->view), 0);
}

static void dispatched_rows_are_not_forgotten(void **state)
{
	struct fixture *fixture = *state;
	struct list dispatched;
	dispatch(fixture, &dispatched);
	struct seat copy = *find_seat(fixture->view, 1);
	view_clear(fixture->view);
	for (uint32_t i = 2; i <= ROWS_MAX + 3; i++)
		assert_non_null(put_seat(fixture->view, i, 1));
	struct seat other = *find_seat(fixture->view, ROWS_MAX + 3);
	next_step(fixture);
	view_step_failed(fixture->view);
	view_forget(fixture->view, &copy.row);
	view_forget(fixture->view, &other.row);
	assert_true(view_is_dispatched(&find_seat(fixture->view, 1)->row));
	assert_null(find_seat(fixture->view, ROWS_MAX + 3));
	view_committed(fixture->view, &dispatched);
	assert_int_equal(view_row_count(fixture->view), ROWS_MAX - 1);
}

static void a_used_key_is_dispatched_and_then_forgotten(void **state)
{
	struct fixture *fixture = *state;
	struct key used = {.idempotency.key = "0123456789abcde"};
	struct list dispatched;
	list_init(&dispatched);
	struct key *key = view_put_key(fixture->view, &used);
	assert_non_null(key);
	view_change(fixture->view, &key->row, 8);
	view_step_dispatch(fixture->view, &dispatched);
	assert_true(view_is_dispatched(&view_key(fixture->view, used.idempotency.key)->row));
	view_committed(fixture->view, &dispatched);
	assert_null(view_key(fixture->view, used.idempotency.key));
	assert_int_equal(view_row_count(fixture->view), 0);
}

static void relied_on_rows_are_kept_as_they_were(void **state)
{
	struct fixture *fixture = *state;
	struct list dispatched;
	list_init(&dispatched);
	struct seat *seat = put_seat(fixture->view, 1, 3);
	view_rely_on(fixture->view, &seat->row, false);
	uint32_t count;
	const struct row **relied = view_relied(fixture->view, &fixture->arena, &count);
	assert_non_null(relied);
	assert_int_equal(count, 1);
	view_step_dispatch(fixture->view, &dispatched);
	view_step_begin(fixture->view, TEST_NOW_MS + 1);
	view_change(fixture->view, &seat->row, 9);
	view_step_committed(fixture->view);
	assert_int_equal(relied[0]->stored_version, 3);
}

static void an_overlay_is_loaded_beside_the_view_and_then_absorbed(void **state)
{
	struct fixture *fixture = *state;
	struct view *overlay = view_new_overlay(fixture->view);
	assert_non_null(overlay);
	assert_non_null(put_seat(fixture->view, 1, 3));
	view_step_begin(overlay, TEST_NOW_MS);
	assert_non_null(put_seat(overlay, 2, 5));
	assert_non_null(put_seat(overlay, 3, 0));
	assert_non_null(put_seat(overlay, 4, 6));
	assert_int_equal(find_seat(overlay, 1)->row.version, 3);
	assert_int_equal(find_seat(overlay, 2)->row.version, 5);
	assert_null(find_seat(fixture->view, 2));
	/* Somebody else has loaded, and changed, one of them meanwhile. */
	struct list dispatched;
	list_init(&dispatched);
	view_change(fixture->view, &put_seat(fixture->view, 4, 6)->row, 8);
	view_step_dispatch(fixture->view, &dispatched);
	assert_true(view_is_dispatched(&find_seat(overlay, 4)->row));
	assert_int_equal(view_dispatched_count(overlay), 1);
	view_step_begin(fixture->view, TEST_NOW_MS + 1);
	assert_true(view_absorb(overlay));
	assert_int_equal(view_row_count(overlay), 0);
	assert_int_equal(view_row_count(fixture->view), 4);
	assert_int_equal(find_seat(fixture->view, 4)->row.version, 8);
	/* They are rows of the step: a refusal need not rely on them, and absence is forgotten with it. */
	view_rely_on(fixture->view, &find_seat(fixture->view, 2)->row, true);
	assert_int_equal(relied_count(fixture), 0);
	next_step(fixture);
	assert_null(find_seat(fixture->view, 3));
	assert_int_equal(find_seat(fixture->view, 2)->row.version, 5);
	view_committed(fixture->view, &dispatched);
	view_free(overlay);
}

static void it_grows_with_its_rows(void **state)
{
	struct fixture *fixture = *state;
	for (uint32_t i = 0; i < 5000; i++) {
		struct short_text transaction = {.length = 4};
		memcpy(transaction.text, &i, 4);
		assert_non_null(view_put_payment(fixture->view, &(struct payment){.row.version = 1 + i, .transaction_id = transaction}));
	}
	for (uint32_t i = 0; i < 5000; i++) {
		struct short_text transaction = {.length = 4};
		memcpy(transaction.text, &i, 4);
		assert_int_equal(view_payment(fixture->view, &transaction)->row.version, 1 + i);
	}
}

static void it_is_trimmed_when_nothing_can_be_written(void **state)
{
	struct fixture *fixture = *state;
	for (uint32_t seat = 1; seat <= ROWS_MAX + 2; seat++)
		assert_non_null(put_seat(fixture->view, seat, 10));
	view_step_failed(fixture->view);
	assert_int_equal(view_row_count(fixture->view), ROWS_MAX);
	struct list dispatched;
	list_init(&dispatched);
	view_step_begin(fixture->view, TEST_NOW_MS);
	for (uint32_t seat = 1; seat <= ROWS_MAX + 2; seat++)
		assert_non_null(put_seat(fixture->view, seat, 10));
	struct seat *changed = put_seat(fixture->view, 1, 10);
	view_change(fixture->view, &changed->row, 20);
	view_step_dispatch(fixture->view, &dispatched);
	view_aborted(fixture->view, &dispatched);
	assert_int_equal(view_row_count(fixture->view), ROWS_MAX);
}

static void an_exact_step_knows_only_what_it_has_loaded(void **state)
{
	struct fixture *fixture = *state;
	assert_non_null(put_seat(fixture->view, 1, 10));
	assert_non_null(put_seat(fixture->view, 2, 10));
	view_step_committed(fixture->view);
	view_step_begin(fixture->view, TEST_NOW_MS);
	assert_true(view_knows(fixture->view, &find_seat(fixture->view, 1)->row));
	view_step_committed(fixture->view);
	view_step_begin_exact(fixture->view, TEST_NOW_MS);
	assert_false(view_knows(fixture->view, &find_seat(fixture->view, 1)->row));
	view_confirm(fixture->view, &find_seat(fixture->view, 1)->row);
	assert_true(view_knows(fixture->view, &find_seat(fixture->view, 1)->row));
	assert_false(view_knows(fixture->view, &find_seat(fixture->view, 2)->row));
	struct shard_set moved = view_take_moved(fixture->view);
	assert_true(shard_set_is_empty(&moved));
	assert_non_null(put_seat(fixture->view, 2, 11));
	assert_true(view_knows(fixture->view, &find_seat(fixture->view, 2)->row));
	/* Seat 2 was another one before. */
	struct uuid event_id = test_event_id();
	moved = view_take_moved(fixture->view);
	assert_true(shard_set_has(&moved, uuid_shard(&event_id)));
}

static void rows_of_a_distrusted_shard_are_loaded_again(void **state)
{
	struct fixture *fixture = *state;
	struct uuid event_id = test_event_id();
	assert_non_null(put_seat(fixture->view, 1, 10));
	view_distrust(fixture->view, (uint8_t)(uuid_shard(&event_id) + 1));
	next_step(fixture);
	assert_true(view_knows(fixture->view, &find_seat(fixture->view, 1)->row));
	view_distrust(fixture->view, uuid_shard(&event_id));
	next_step(fixture);
	assert_false(view_knows(fixture->view, &find_seat(fixture->view, 1)->row));
	assert_non_null(put_seat(fixture->view, 1, 10));
	next_step(fixture);
	assert_true(view_knows(fixture->view, &find_seat(fixture->view, 1)->row));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(rows_of_every_kind_are_found_by_their_keys),
		TEST(arrays_and_texts_are_the_rows_own),
		TEST(putting_again_replaces),
		TEST(absence_is_remembered_until_the_step_ends),
		TEST(keys_are_remembered_until_the_step_ends),
		TEST(changed_rows_count_as_stored_once_the_step_is_committed),
		TEST(changed_rows_are_forgotten_when_the_step_fails),
		TEST(a_row_that_was_made_survives_its_step),
		TEST(a_refusal_relies_only_on_rows_of_earlier_steps),
		TEST(a_row_relied_on_and_changed_later_is_guarded_by_its_change),
		TEST(rows_relied_on_are_forgotten_when_the_step_fails),
		TEST(an_absent_row_may_be_relied_on),
		TEST(a_row_relied_on_may_be_replaced),
		TEST(the_least_recently_used_go_when_there_are_too_many),
		TEST(clearing_forgets_everything_but_the_clock),
		TEST(dispatched_rows_stay_as_they_are_until_committed),
		TEST(only_aborted_rows_are_forgotten),
		TEST(dispatched_rows_are_not_forgotten),
		TEST(a_used_key_is_dispatched_and_then_forgotten),
		TEST(relied_on_rows_are_kept_as_they_were),
		TEST(an_overlay_is_loaded_beside_the_view_and_then_absorbed),
		TEST(it_is_trimmed_when_nothing_can_be_written),
		TEST(an_exact_step_knows_only_what_it_has_loaded),
		TEST(rows_of_a_distrusted_shard_are_loaded_again),
		TEST(it_grows_with_its_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
