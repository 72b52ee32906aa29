/* cursor.c: sixteen bytes of position and eight of check, in hexadecimal. */
#include "app/cursor.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "base/hex.h"

#define POSITION_LENGTH 16
#define CHECK_LENGTH 8

static_assert(CURSOR_TEXT_LENGTH == 2 * (POSITION_LENGTH + CHECK_LENGTH), "a cursor is position and check");

/* The same in every process and release: cursors outlive both. */
static const struct hash_seed check_seed = {.k0 = UINT64_C(0x74726f2e63757273), .k1 = UINT64_C(0x6f722e636865636b)};

static void write_big_endian(uint8_t bytes[static 8], uint64_t value)
{
	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(value >> (56 - 8 * i));
}

static uint64_t read_big_endian(const uint8_t bytes[static 8])
{
	uint64_t value = 0;
	for (int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

static void write_check(const struct query *query, const uint8_t position[static POSITION_LENGTH], uint8_t check[static CHECK_LENGTH])
{
	assert(query != NULL);
	uint8_t bound[1 + sizeof query->id.bytes + POSITION_LENGTH];
	bound[0] = (uint8_t)query->kind;
	memcpy(bound + 1, query->id.bytes, sizeof query->id.bytes);
	memcpy(bound + 1 + sizeof query->id.bytes, position, POSITION_LENGTH);
	write_big_endian(check, hash_bytes(&check_seed, bound, sizeof bound));
}

static bool goes_on_by_id(const struct query *query)
{
	assert(query != NULL);
	return query->kind == QUERY_EVENTS || query->kind == QUERY_REFUNDS;
}

void cursor_format(const struct query *query, char text[static CURSOR_TEXT_LENGTH + 1])
{
	assert(query != NULL);

	uint8_t bytes[POSITION_LENGTH + CHECK_LENGTH] = {0};
	if (goes_on_by_id(query))
		memcpy(bytes, query->after_id.bytes, POSITION_LENGTH);
	else
		write_big_endian(bytes, query->after);
	write_check(query, bytes, bytes + POSITION_LENGTH);
	*hex_encode(bytes, sizeof bytes, text) = '\0';
}

void cursor_write(struct json_writer *writer, const struct query *next)
{
	assert(writer != NULL);
	char text[CURSOR_TEXT_LENGTH + 1] = "";
	if (next != NULL)
		cursor_format(next, text);
	json_writer_string_or_null(writer, "next_cursor", slice_of(text));
}

enum error cursor_parse(struct slice text, struct query *query)
{
	assert(query != NULL);

	uint8_t bytes[POSITION_LENGTH + CHECK_LENGTH];
	uint8_t check[CHECK_LENGTH];
	if (text.length != CURSOR_TEXT_LENGTH || !hex_decode(text.data, bytes, sizeof bytes))
		return ERR_CURSOR_INVALID;
	write_check(query, bytes, check);
	if (memcmp(check, bytes + POSITION_LENGTH, CHECK_LENGTH) != 0)
		return ERR_CURSOR_INVALID;
	if (goes_on_by_id(query)) {
		memcpy(query->after_id.bytes, bytes, POSITION_LENGTH);
		query->has_after_id = true;
	} else {
		query->after = read_big_endian(bytes);
	}
	return OK;
}
