/* fuzz_cursor.c: any bytes as the cursor of a list; one that is taken is written as it was, and one that is not changes nothing. The first byte says of which list. */
#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "app/cursor.h"
#include "base/attributes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct query query_of(uint8_t kind)
{
	static const enum query_kind kinds[] = {QUERY_EVENTS, QUERY_REFUNDS, QUERY_SEATS, QUERY_HOLD_HISTORY, QUERY_ORDER_HISTORY};
	return (struct query){.kind = kinds[kind % ARRAY_LENGTH(kinds)]};
}

/* A cursor of another list is none of this one. */
static void expect_of_this_list_alone(struct slice text, const struct query *query)
{
	struct query other = *query;
	other.id.bytes[0] ^= 1;
	assert(cursor_parse(text, &other) == ERR_CURSOR_INVALID);
}

static void read_any(struct slice text, struct query query)
{
	struct query before;
	memcpy(&before, &query, sizeof query);
	if (cursor_parse(text, &query) != OK) {
		assert(memcmp(&before, &query, sizeof query) == 0);
		return;
	}
	expect_of_this_list_alone(text, &query);
}

/* place: where the list goes on; then which digit is mistyped, and as what. */
static void write_and_mistype(const uint8_t place[static 18], struct query query)
{
	memcpy(query.after_id.bytes, place, sizeof query.after_id.bytes);
	memcpy(&query.after, place, sizeof query.after);
	char text[CURSOR_TEXT_LENGTH + 1], again[CURSOR_TEXT_LENGTH + 1];
	cursor_format(&query, text);
	struct query parsed = {.kind = query.kind};
	assert(cursor_parse(slice_of(text), &parsed) == OK);
	cursor_format(&parsed, again);
	assert(strcmp(text, again) == 0);
	char *digit = &text[place[16] % CURSOR_TEXT_LENGTH];
	if (*digit == (char)tolower(place[17]))
		return; /* a digit may be a capital */
	*digit = (char)place[17];
	assert(cursor_parse((struct slice){.data = text, .length = CURSOR_TEXT_LENGTH}, &parsed) == ERR_CURSOR_INVALID);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	read_any((struct slice){.data = (const char *)data + 1, .length = size - 1}, query_of(data[0]));
	if (size > 18)
		write_and_mistype(data + 1, query_of(data[0]));
	return 0;
}
