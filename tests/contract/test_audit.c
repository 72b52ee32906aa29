/* test_audit.c: the contract of ports/audit.h, for the adapters that have one. */
#include "ports/audit.h"
#include "tests/contract/backends.h"
#include "tests/support/store_driver.h"

struct desk {
	struct audit *audit;
	struct arena arena;
};

/* False: this backend has no audit. */
static bool open_desk(struct backend *backend, struct desk *ret_desk)
{
	*ret_desk = (struct desk){.audit = backend_audit(backend)};
	arena_init(&ret_desk->arena, 4096, 1024 * 1024);
	return ret_desk->audit != NULL;
}

static void close_desk(struct desk *desk)
{
	audit_free(desk->audit);
	arena_release(&desk->arena);
}

static struct audit_record record_of(uint8_t number, enum audit_kind kind, struct slice actor)
{
	return (struct audit_record){
		.id = {{number}},
		.at_ms = number * 1000,
		.kind = kind,
		.actor = actor,
		.action = SLICE("replay"),
		.address = SLICE("192.0.2.1"),
		.result = SLICE("done"),
		.repeats = number,
	};
}

static struct audit_list list_all(struct desk *desk, const struct audit_filter *filter)
{
	struct audit_list list;
	assert_int_equal(desk->audit->operations->list(desk->audit, filter, NULL, 100, &desk->arena, &list), STORE_OK);
	return list;
}

static void append_some(struct desk *desk)
{
	const struct audit_record records[] = {
		record_of(3, AUDIT_ACTION, SLICE("operator")),
		record_of(1, AUDIT_REFUSED, SLICE("")),
		record_of(2, AUDIT_REFUSED, SLICE("ann")),
	};
	assert_int_equal(desk->audit->operations->append(desk->audit, records, 3), STORE_OK);
}

static void lists_what_was_appended_in_order(void **state)
{
	struct desk desk;
	if (open_desk(*state, &desk)) {
		append_some(&desk);
		struct audit_list list = list_all(&desk, &(struct audit_filter){0});
		assert_int_equal(list.count, 3);
		for (uint32_t i = 0; i < 3; i++) {
			assert_int_equal(list.records[i].id.bytes[0], i + 1);
			assert_int_equal(list.records[i].at_ms, (i + 1) * 1000);
			assert_int_equal(list.records[i].repeats, i + 1);
		}
		assert_int_equal(list.records[0].kind, AUDIT_REFUSED);
		assert_true(slice_equal_string(list.records[1].actor, "ann"));
		assert_true(slice_equal_string(list.records[2].action, "replay"));
		assert_true(slice_equal_string(list.records[2].address, "192.0.2.1"));
		assert_true(slice_equal_string(list.records[2].result, "done"));
		assert_int_equal(list.records[2].target.length, 0);
	}
	close_desk(&desk);
}

static void lists_page_by_page(void **state)
{
	struct desk desk;
	if (open_desk(*state, &desk)) {
		const struct uuid after = {{1}};
		const struct audit_filter all = {0};
		struct audit_list list;
		append_some(&desk);
		assert_int_equal(desk.audit->operations->list(desk.audit, &all, &after, 1, &desk.arena, &list), STORE_OK);
		assert_int_equal(list.count, 1);
		assert_int_equal(list.records[0].id.bytes[0], 2);
	}
	close_desk(&desk);
}

static void filters_by_time_and_actor(void **state)
{
	struct desk desk;
	if (open_desk(*state, &desk)) {
		append_some(&desk);
		assert_int_equal(list_all(&desk, &(struct audit_filter){.from_ms = 2000}).count, 2);
		assert_int_equal(list_all(&desk, &(struct audit_filter){.until_ms = 2000}).count, 2);
		assert_int_equal(list_all(&desk, &(struct audit_filter){.from_ms = 2000, .until_ms = 2999}).count, 1);
		assert_int_equal(list_all(&desk, &(struct audit_filter){.actor = SLICE("ann")}).count, 1);
		assert_int_equal(list_all(&desk, &(struct audit_filter){.actor = SLICE("an")}).count, 0);
	}
	close_desk(&desk);
}

static void leaves_a_record_as_it_is(void **state)
{
	struct desk desk;
	if (open_desk(*state, &desk)) {
		append_some(&desk);
		struct audit_record again = record_of(3, AUDIT_ACTION, SLICE("somebody else"));
		assert_int_equal(desk.audit->operations->append(desk.audit, &again, 1), STORE_OK);
		struct audit_list list = list_all(&desk, &(struct audit_filter){0});
		assert_int_equal(list.count, 3);
		assert_true(slice_equal_string(list.records[2].actor, "operator"));
	}
	close_desk(&desk);
}

static void prunes_the_oldest_refusals_and_no_action(void **state)
{
	struct desk desk;
	if (open_desk(*state, &desk)) {
		struct audit_record action = record_of(1, AUDIT_ACTION, SLICE("operator"));
		assert_int_equal(desk.audit->operations->append(desk.audit, &action, 1), STORE_OK);
		for (uint8_t i = 2; i < 8; i++) {
			struct audit_record refused = record_of(i, AUDIT_REFUSED, SLICE(""));
			assert_int_equal(desk.audit->operations->append(desk.audit, &refused, 1), STORE_OK);
		}
		assert_int_equal(desk.audit->operations->prune(desk.audit, 6), STORE_OK);
		assert_int_equal(list_all(&desk, &(struct audit_filter){0}).count, 7);
		assert_int_equal(desk.audit->operations->prune(desk.audit, 2), STORE_OK);
		struct audit_list list = list_all(&desk, &(struct audit_filter){0});
		assert_int_equal(list.count, 3);
		assert_int_equal(list.records[0].kind, AUDIT_ACTION);
		assert_int_equal(list.records[1].id.bytes[0], 6);
		assert_int_equal(list.records[2].id.bytes[0], 7);
	}
	close_desk(&desk);
}

/* A commit of events that an operator asked for has their records, and one that fails has none. */
static void a_commit_brings_its_records(void **state)
{
	struct desk desk;
	if (open_desk(*state, &desk)) {
		struct store_driver driver;
		store_driver_init(&driver, backend_store(*state));
		struct command create = sale_create_command(&driver.request);
		create.actor = SLICE("admin");
		create.from = SLICE("192.0.2.7");
		assert_int_equal(store_driver_run(&driver, 0, create), OK);
		struct uuid event_id = driver.changes.events[0].id;
		assert_int_equal(store_driver_run(&driver, 1, hold_command(&driver.request, 1, "ann", "1")), OK);
		struct audit_list list = list_all(&desk, &(struct audit_filter){0});
		assert_int_equal(list.count, 1);
		assert_true(uuid_equal(&list.records[0].id, &event_id));
		assert_true(slice_equal_string(list.records[0].actor, "admin"));
		assert_true(slice_equal_string(list.records[0].action, "event.created"));
		assert_true(slice_equal_string(list.records[0].address, "192.0.2.7"));
		assert_int_equal(list.records[0].target.length, UUID_TEXT_LENGTH);
		store_free(driver.store);
		store_driver_release(&driver);
	}
	close_desk(&desk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BACKEND_TEST(lists_what_was_appended_in_order),
		BACKEND_TEST(lists_page_by_page),
		BACKEND_TEST(filters_by_time_and_actor),
		BACKEND_TEST(leaves_a_record_as_it_is),
		BACKEND_TEST(prunes_the_oldest_refusals_and_no_action),
		BACKEND_TEST(a_commit_brings_its_records),
	};
	return backends_run("audit", tests, ARRAY_LENGTH(tests));
}
