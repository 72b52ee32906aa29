/* test_catalog.c: the contract of ports/catalog.h, for every adapter. */
#include "tests/contract/backends.h"

struct shelf {
	struct catalog *catalog;
	struct arena arena;
};

static struct shelf open_shelf(struct backend *backend)
{
	struct shelf shelf = {.catalog = backend_catalog(backend)};
	arena_init(&shelf.arena, 4096, 1024 * 1024);
	return shelf;
}

static void close_shelf(struct shelf *shelf)
{
	catalog_free(shelf->catalog);
	arena_release(&shelf->arena);
}

static struct catalog_entry entry_of(uint8_t number, uint64_t version)
{
	return (struct catalog_entry){
		.event_id = {{number}},
		.details = {.name = SLICE("Opera"), .venue = SLICE("House"), .description = SLICE(""), .starts_at_ms = 5},
		.status = SALE_ON_SALE,
		.currency = {"EUR"},
		.on_sale_from_ms = 6,
		.on_sale_until_ms = 7,
		.seat_count = 8,
		.created_at_ms = 9,
		.version = version,
	};
}

static void put(struct shelf *shelf, struct catalog_entry entry)
{
	assert_int_equal(shelf->catalog->operations->put(shelf->catalog, &entry), CATALOG_OK);
}

static const struct catalog_entry *find(struct shelf *shelf, uint8_t number)
{
	const struct catalog_entry *entry = NULL;
	struct uuid id = {{number}};
	assert_int_equal(shelf->catalog->operations->find(shelf->catalog, &id, &shelf->arena, &entry), CATALOG_OK);
	return entry;
}

static void finds_what_was_put(void **state)
{
	struct shelf shelf = open_shelf(*state);
	put(&shelf, entry_of(3, 10));
	assert_null(find(&shelf, 4));
	const struct catalog_entry *entry = find(&shelf, 3);
	assert_int_equal(entry->event_id.bytes[0], 3);
	assert_true(slice_equal_string(entry->details.name, "Opera"));
	assert_true(slice_equal_string(entry->details.venue, "House"));
	assert_true(slice_is_empty(entry->details.description));
	assert_int_equal(entry->details.starts_at_ms, 5);
	assert_int_equal(entry->status, SALE_ON_SALE);
	assert_string_equal(entry->currency.code, "EUR");
	assert_int_equal(entry->on_sale_from_ms, 6);
	assert_int_equal(entry->on_sale_until_ms, 7);
	assert_int_equal(entry->seat_count, 8);
	assert_int_equal(entry->created_at_ms, 9);
	assert_int_equal(entry->version, 10);
	close_shelf(&shelf);
}

static void only_a_greater_version_replaces(void **state)
{
	struct shelf shelf = open_shelf(*state);
	struct catalog_entry entry = entry_of(3, 10);
	put(&shelf, entry);
	entry.status = SALE_PAUSED;
	put(&shelf, entry);
	assert_int_equal(find(&shelf, 3)->status, SALE_ON_SALE);
	entry.version = 9;
	put(&shelf, entry);
	assert_int_equal(find(&shelf, 3)->status, SALE_ON_SALE);
	entry.version = 11;
	put(&shelf, entry);
	assert_int_equal(find(&shelf, 3)->status, SALE_PAUSED);
	close_shelf(&shelf);
}

static void dropped_entry_is_not_there(void **state)
{
	struct shelf shelf = open_shelf(*state);
	const struct uuid id = {{3}}, unknown = {{9}};
	put(&shelf, entry_of(2, 10));
	put(&shelf, entry_of(3, 10));
	assert_int_equal(shelf.catalog->operations->drop(shelf.catalog, &id), CATALOG_OK);
	assert_int_equal(shelf.catalog->operations->drop(shelf.catalog, &unknown), CATALOG_OK);
	assert_null(find(&shelf, 3));
	assert_non_null(find(&shelf, 2));
	put(&shelf, entry_of(3, 9)); /* a lower version than it had */
	assert_int_equal(find(&shelf, 3)->version, 9);
	close_shelf(&shelf);
}

static void lists_in_the_order_of_ids_by_pages(void **state)
{
	struct shelf shelf = open_shelf(*state);
	struct catalog_list list;
	assert_int_equal(shelf.catalog->operations->list(shelf.catalog, NULL, 10, &shelf.arena, &list), CATALOG_OK);
	assert_int_equal(list.count, 0);
	for (uint8_t i = 5; i > 0; i--)
		put(&shelf, entry_of(i, 1));
	assert_int_equal(shelf.catalog->operations->list(shelf.catalog, NULL, 2, &shelf.arena, &list), CATALOG_OK);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.entries[1].event_id.bytes[0], 2);
	struct uuid after = list.entries[1].event_id;
	assert_int_equal(shelf.catalog->operations->list(shelf.catalog, &after, 10, &shelf.arena, &list), CATALOG_OK);
	assert_int_equal(list.count, 3);
	assert_int_equal(list.entries[0].event_id.bytes[0], 3);
	assert_int_equal(shelf.catalog->operations->ping(shelf.catalog), CATALOG_OK);
	close_shelf(&shelf);
}

/* The ids of the entries that pass, as a text of digits. */
static void expect_found(struct shelf *shelf, struct catalog_filter filter, const char *expected)
{
	struct catalog_list list;
	assert_int_equal(shelf->catalog->operations->search(shelf->catalog, &filter, NULL, 10, &shelf->arena, &list), CATALOG_OK);
	char found[11] = {0};
	for (uint32_t i = 0; i < list.count; i++)
		found[i] = (char)('0' + list.entries[i].event_id.bytes[0]);
	assert_string_equal(found, expected);
}

static void finds_what_passes_the_filter(void **state)
{
	struct shelf shelf = open_shelf(*state);
	struct catalog_entry opera = entry_of(1, 1), play = entry_of(2, 1), ball = entry_of(3, 1);
	opera.details.starts_at_ms = 100;
	play.details = (struct sale_details){
		.name = SLICE("Der Sturm"), .venue = SLICE("Schauspielhaus"), .description = SLICE("100 % of _all_"), .starts_at_ms = 200};
	play.status = SALE_PAUSED;
	ball.details.name = SLICE("Opera ball");
	ball.details.venue = SLICE("Hofburg");
	ball.details.starts_at_ms = 300;
	put(&shelf, opera);
	put(&shelf, play);
	put(&shelf, ball);

	expect_found(&shelf, (struct catalog_filter){0}, "123");
	expect_found(&shelf, (struct catalog_filter){.starts_from_ms = 200}, "23");
	expect_found(&shelf, (struct catalog_filter){.starts_from_ms = 201}, "3");
	expect_found(&shelf, (struct catalog_filter){.starts_until_ms = 200}, "12");
	expect_found(&shelf, (struct catalog_filter){.starts_from_ms = 150, .starts_until_ms = 250}, "2");
	expect_found(&shelf, (struct catalog_filter){.starts_from_ms = 250, .starts_until_ms = 150}, "");
	expect_found(&shelf, (struct catalog_filter){.status = SALE_PAUSED}, "2");
	expect_found(&shelf, (struct catalog_filter){.status = SALE_CANCELLED}, "");
	expect_found(&shelf, (struct catalog_filter){.venue = SLICE("hofburg")}, "3");
	expect_found(&shelf, (struct catalog_filter){.venue = SLICE("haus")}, "");
	expect_found(&shelf, (struct catalog_filter){.words = SLICE("opera")}, "13");
	expect_found(&shelf, (struct catalog_filter){.words = SLICE("opera"), .status = SALE_ON_SALE, .starts_from_ms = 101}, "3");
	expect_found(&shelf, (struct catalog_filter){.words = SLICE("opera"), .venue = SLICE("house")}, "1");
	expect_found(&shelf, (struct catalog_filter){.words = SLICE("sturm"), .status = SALE_ON_SALE}, "");
	expect_found(&shelf, (struct catalog_filter){.words = SLICE("house")}, ""); /* a venue */
	expect_found(&shelf, (struct catalog_filter){.words = SLICE("100")}, "");   /* a description */
	close_shelf(&shelf);
}

static void put_name(struct shelf *shelf, uint8_t number, const char *name)
{
	struct catalog_entry entry = entry_of(number, 1);
	entry.details.name = slice_of(name);
	entry.details.venue = slice_of(name);
	put(shelf, entry);
}

static void expect_words(struct shelf *shelf, const char *words, const char *expected)
{
	expect_found(shelf, (struct catalog_filter){.words = slice_of(words)}, expected);
}

static void words_begin_words_of_the_name(void **state)
{
	struct shelf shelf = open_shelf(*state);
	put_name(&shelf, 1, "The Magic Flute");
	put_name(&shelf, 2, "Rock'n'Roll (live)");
	put_name(&shelf, 3,
	         "\xe2\x80\x9e"
	         "Fidelio\xe2\x80\x9c\xe2\x80\x93Gala 2027"); /* German quotation marks, and a dash */
	put_name(&shelf, 4, "Magic Night");
	expect_words(&shelf, "magic", "14");
	expect_words(&shelf, "MAG", "14");
	expect_words(&shelf, "magic flute", "1");
	expect_words(&shelf, "flu   the ", "1");
	expect_words(&shelf, "magic magic", "14");
	expect_words(&shelf, "agic", "");
	expect_words(&shelf, "lute", "");
	expect_words(&shelf, "magic flutes", "");
	expect_words(&shelf, "magicflute", "");
	expect_words(&shelf, "roll", "2");
	expect_words(&shelf, "rock'n", "2");
	expect_words(&shelf, "live", "2");
	expect_words(&shelf, "(live)", "2");
	expect_words(&shelf, "fidelio", "3");
	expect_words(&shelf, "gala", "3");
	expect_words(&shelf, "20", "3");
	expect_words(&shelf, "27", "");
	expect_words(&shelf, " ", "1234");
	expect_words(&shelf, "", "1234");
	close_shelf(&shelf);
}

/* Characters with a meaning in a query, a pattern or a path are text like any other. */
static void text_is_never_query(void **state)
{
	static const char *const names[] = {
		"$where", "a.b", "{\"$gt\": \"\"}", ".*", "x'; DROP TABLE catalog; --", "\\Q^a|b[c](d)?+\\E$", "100 % of _all_", "axb"};
	struct shelf shelf = open_shelf(*state);
	for (uint8_t i = 0; i < ARRAY_LENGTH(names); i++)
		put_name(&shelf, (uint8_t)(i + 1), names[i]);
	for (uint8_t i = 0; i < ARRAY_LENGTH(names); i++)
		assert_true(slice_equal_string(find(&shelf, (uint8_t)(i + 1))->details.name, names[i]));
	for (uint8_t i = 0; i < ARRAY_LENGTH(names); i++) {
		const char expected[] = {(char)('1' + i), '\0'};
		expect_words(&shelf, names[i], expected);
	}
	expect_found(&shelf, (struct catalog_filter){.venue = SLICE("$where")}, "1");
	expect_found(&shelf, (struct catalog_filter){.venue = SLICE("{\"$ne\": null}")}, "");
	expect_words(&shelf, "where", "1");
	expect_words(&shelf, "a|b", "6");
	expect_words(&shelf, "a.*b", "");
	expect_words(&shelf, "a*", "");
	expect_words(&shelf, "[a-z]", "");
	expect_words(&shelf, "^", "6");
	expect_words(&shelf, "$", "136");
	expect_words(&shelf, "\\", "6");
	expect_words(&shelf, "\\w", "");
	expect_words(&shelf, "%", "7");
	expect_words(&shelf, "_", "7");
	expect_words(&shelf, "a%", "");
	expect_words(&shelf, "a_b", "");
	expect_words(&shelf, "drop table", "5");
	expect_words(&shelf, "\"", "3");
	expect_found(&shelf, (struct catalog_filter){.words = SLICE("a\0b")}, "");
	expect_found(&shelf, (struct catalog_filter){.words = SLICE("\0")}, "");
	expect_found(&shelf, (struct catalog_filter){.words = SLICE("a\xff")}, "");
	close_shelf(&shelf);
}

static void words_match_in_any_case(void **state)
{
	struct shelf shelf = open_shelf(*state);
	put_name(&shelf, 1, "\xc3\x84RGER");                                                     /* Ärger */
	put_name(&shelf, 2, "dvo\xc5\x99\xc3\xa1k");                                             /* Dvořák */
	put_name(&shelf, 3, "\xce\x91\xce\xbd\xcf\x84\xce\xb9\xce\xb3\xcf\x8c\xce\xbd\xce\xb7"); /* Αντιγόνη */
	put_name(&shelf, 4, "\xd0\xa7\xd0\xb0\xd0\xb9\xd0\xba\xd0\xb0");                         /* Чайка */
	put_name(&shelf, 5,
	         "Stra\xc3\x9f"
	         "e");
	expect_words(&shelf, "\xc3\x84rger", "1");
	expect_words(&shelf, "\xc3\xa4rger", "1");
	expect_words(&shelf, "arger", "");
	expect_words(&shelf, "rger", "");
	expect_words(&shelf, "DVO\xc5\x98\xc3\x81K", "2");
	expect_words(&shelf, "\xce\xb1\xce\x9d\xce\xa4", "3");
	expect_words(&shelf, "\xd1\x87\xd0\x90\xd0\x99", "4");
	expect_words(&shelf, "STRA\xc3\x9f", "5");
	expect_found(&shelf, (struct catalog_filter){.venue = SLICE("\xc3\x84rger")}, "1"); /* a venue folds in ASCII alone */
	expect_found(&shelf, (struct catalog_filter){.venue = SLICE("\xc3\xa4rger")}, "");
	close_shelf(&shelf);
}

static void searches_by_pages(void **state)
{
	struct shelf shelf = open_shelf(*state);
	struct catalog_list list;
	for (uint8_t i = 5; i > 0; i--)
		put(&shelf, entry_of(i, 1));
	const struct catalog_filter filter = {.words = SLICE("opera")};
	assert_int_equal(shelf.catalog->operations->search(shelf.catalog, &filter, NULL, 2, &shelf.arena, &list), CATALOG_OK);
	assert_int_equal(list.count, 2);
	struct uuid after = list.entries[1].event_id;
	assert_int_equal(shelf.catalog->operations->search(shelf.catalog, &filter, &after, 10, &shelf.arena, &list), CATALOG_OK);
	assert_int_equal(list.count, 3);
	assert_int_equal(list.entries[0].event_id.bytes[0], 3);
	close_shelf(&shelf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BACKEND_TEST(finds_what_was_put),
		BACKEND_TEST(only_a_greater_version_replaces),
		BACKEND_TEST(dropped_entry_is_not_there),
		BACKEND_TEST(lists_in_the_order_of_ids_by_pages),
		BACKEND_TEST(finds_what_passes_the_filter),
		BACKEND_TEST(text_is_never_query),
		BACKEND_TEST(words_match_in_any_case),
		BACKEND_TEST(searches_by_pages),
		BACKEND_TEST(words_begin_words_of_the_name),
	};
	return backends_run_catalogs("catalog", tests, ARRAY_LENGTH(tests));
}
