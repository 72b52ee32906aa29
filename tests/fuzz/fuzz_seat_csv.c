/* fuzz_seat_csv.c: any bytes as comma-separated seats. The result is JSON with as many seats as there are rows, and each field of each
 * seat can be located in the text; rows that are not read are reported. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>

#include "codec/json_reader.h"
#include "codec/seat_csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TOLD_MAX 100

static bool count(void *context, const struct file_fault *fault)
{
	uint32_t *told = context;
	assert(fault->what != NULL && fault->place.line >= 1 && fault->place.column >= 1);
	return ++*told < TOLD_MAX;
}

static void check_places(const struct seat_csv *seats, size_t size)
{
	static const char *const names[] = {"seat", "section", "row", "price"};
	char pointer[64];
	struct file_place place, before = {.line = 1, .column = 1};
	for (uint32_t i = 0; i < seats->count; i++) {
		for (uint32_t j = 0; j < SEAT_CSV_FIELDS; j++) {
			snprintf(pointer, sizeof pointer, "/seats/%u/%s", i, names[j]);
			bool is_found = seat_csv_locate(seats, slice_of(pointer), &place);
			assert(is_found && place.line <= size + 1 && place.column <= size + 1);
			assert(place.line > before.line || place.column > before.column);
			before = place;
		}
	}
	snprintf(pointer, sizeof pointer, "/seats/%u", seats->count);
	assert(!seat_csv_locate(seats, slice_of(pointer), &place));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	uint32_t told = 0, items = 0;
	struct seat_csv seats = {0};
	arena_init(&arena, 4096, (size_t)64 << 20);
	enum error error = seat_csv_read((struct slice){.data = (const char *)data, .length = size}, &arena, count, &told, &seats);
	assert(error == OK || error == ERR_VALIDATION);
	assert((error == ERR_VALIDATION) == (told > 0) && told <= TOLD_MAX);
	if (error == OK) {
		struct json_value list, item;
		struct json_problem problem;
		bool is_json = json_check(seats.json, &list, &problem);
		assert(is_json && json_kind(list) == JSON_KIND_ARRAY);
		struct json_walk walk = json_walk(list);
		while (json_next_item(&walk, &item))
			items++;
		assert(items == seats.count);
		check_places(&seats, size);
	}
	arena_release(&arena);
	return 0;
}
