/* seat_plan.c: labels and prices by arithmetic, so that a million seats need no table. */
#include "bench/seat_plan.h"

#include <assert.h>
#include <string.h>

#define SEATS_PER_ROW 100
#define ROWS_PER_SECTION 100
#define SEATS_PER_SECTION (SEATS_PER_ROW * ROWS_PER_SECTION)
#define LETTERS 26

uint32_t seat_plan_round(uint32_t seats)
{
	assert(seats >= 1 && seats <= SEAT_PLAN_SEATS_MAX);

	if (seats <= SEATS_PER_ROW)
		return seats;
	return (seats + SEATS_PER_ROW - 1) / SEATS_PER_ROW * SEATS_PER_ROW;
}

/* A to Z, then AA, AB, …; returns the end. */
static char *write_section(char *text, uint32_t section)
{
	if (section >= LETTERS)
		*text++ = (char)('A' + section / LETTERS - 1);
	*text++ = (char)('A' + section % LETTERS);
	return text;
}

/* 1 to 100; returns the end. */
static char *write_ordinal(char *text, uint32_t ordinal)
{
	assert(ordinal >= 1 && ordinal <= 100);

	if (ordinal >= 100)
		*text++ = (char)('0' + ordinal / 100);
	if (ordinal >= 10)
		*text++ = (char)('0' + ordinal / 10 % 10);
	*text++ = (char)('0' + ordinal % 10);
	return text;
}

struct seat_label_text seat_plan_label(uint32_t seat)
{
	assert(seat < SEAT_PLAN_SEATS_MAX);

	struct seat_label_text label;
	char *end = write_section(label.text, seat / SEATS_PER_SECTION);
	*end++ = '-';
	end = write_ordinal(end, seat % SEATS_PER_SECTION / SEATS_PER_ROW + 1);
	*end++ = '-';
	end = write_ordinal(end, seat % SEATS_PER_ROW + 1);
	*end = '\0';
	label.length = (uint32_t)(end - label.text);
	return label;
}

uint64_t seat_plan_price(uint32_t seat)
{
	return 2000 + seat / SEATS_PER_SECTION * 500;
}

void seat_plan_write(struct buffer *body, uint32_t seats)
{
	assert(seats == seat_plan_round(seats));

	uint32_t seats_per_row = seats < SEATS_PER_ROW ? seats : SEATS_PER_ROW;
	buffer_append_byte(body, '[');
	for (uint32_t first = 0; first < seats; first += SEATS_PER_SECTION) {
		uint32_t count = seats - first < SEATS_PER_SECTION ? seats - first : SEATS_PER_SECTION;
		char name[4] = "";
		write_section(name, first / SEATS_PER_SECTION);
		buffer_append_format(body, "%s{\"name\":\"%s\",\"price\":%llu,\"rows\":%u,\"seats_per_row\":%u}", first == 0 ? "" : ",",
		                     name, (unsigned long long)seat_plan_price(first), count / seats_per_row, seats_per_row);
	}
	buffer_append_byte(body, ']');
}

/* Takes a number of 1 to `maximum` off `rest`, up to `end` or the end of the text. */
static bool take_ordinal(struct slice *rest, char end, uint32_t *ret_ordinal)
{
	uint32_t ordinal = 0;
	size_t i = 0;
	for (; i < rest->length && i < 4 && rest->data[i] != end; i++) {
		if (rest->data[i] < '0' || rest->data[i] > '9')
			return false;
		ordinal = ordinal * 10 + (uint32_t)(rest->data[i] - '0');
	}
	if (ordinal < 1 || ordinal > 100)
		return false;
	rest->data += i;
	rest->length -= i;
	*ret_ordinal = ordinal;
	return true;
}

bool seat_plan_parse(struct slice label, uint32_t *ret_seat)
{
	assert(ret_seat != NULL);

	uint32_t section = 0;
	struct slice rest = label;
	while (rest.length > 0 && rest.data[0] >= 'A' && rest.data[0] <= 'Z' && section < SEAT_PLAN_SEATS_MAX / SEATS_PER_SECTION) {
		section = section * LETTERS + (uint32_t)(rest.data[0] - 'A') + 1;
		rest.data++;
		rest.length--;
	}
	if (section < 1 || section > SEAT_PLAN_SEATS_MAX / SEATS_PER_SECTION || rest.length == 0 || rest.data[0] != '-')
		return false;
	rest.data++;
	rest.length--;
	uint32_t row, number;
	if (!take_ordinal(&rest, '-', &row) || rest.length == 0)
		return false;
	rest.data++;
	rest.length--;
	if (!take_ordinal(&rest, '\0', &number) || rest.length > 0)
		return false;
	*ret_seat = (section - 1) * SEATS_PER_SECTION + (row - 1) * SEATS_PER_ROW + number - 1;
	return true;
}
