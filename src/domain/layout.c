/* layout.c: walks the seats of an event. */
#include "domain/layout.h"

#include <assert.h>
#include <stdio.h>

static enum error visit_section(const struct layout_section *section, enum error (*visit)(void *context, const struct layout_seat *seat),
                                void *context)
{
	assert(section->rows > 0 && section->seats_per_row > 0);
	char label[SEAT_LABEL_LENGTH_MAX + 1];
	char row_name[12];
	for (uint32_t row = 1; row <= section->rows; row++) {
		int row_length = snprintf(row_name, sizeof row_name, "%u", row);
		for (uint32_t number = 1; number <= section->seats_per_row; number++) {
			int length = snprintf(label, sizeof label, "%.*s-%u-%u", SLICE_PRINT(section->name), row, number);
			if (length < 0 || (size_t)length >= sizeof label)
				return ERR_LIMIT;
			struct layout_seat seat = {
				.seat = {.data = label, .length = (size_t)length},
				.section = section->name,
				.row = {.data = row_name, .length = (size_t)row_length},
				.price = section->price,
			};
			enum error error = visit(context, &seat);
			if (error != OK)
				return error;
		}
	}
	return OK;
}

enum error layout_each_seat(const struct layout *layout, enum error (*visit)(void *context, const struct layout_seat *seat), void *context)
{
	assert(layout != NULL && visit != NULL);
	assert(layout->section_count == 0 || layout->seat_count == 0);
	for (uint32_t i = 0; i < layout->section_count; i++) {
		enum error error = visit_section(&layout->sections[i], visit, context);
		if (error != OK)
			return error;
	}
	for (uint32_t i = 0; i < layout->seat_count; i++) {
		enum error error = visit(context, &layout->seats[i]);
		if (error != OK)
			return error;
	}
	return OK;
}

uint64_t layout_count(const struct layout *layout)
{
	assert(layout != NULL);
	uint64_t count = layout->seat_count;
	for (uint32_t i = 0; i < layout->section_count && count <= SEATS_PER_EVENT_MAX; i++)
		count += (uint64_t)layout->sections[i].rows * layout->sections[i].seats_per_row;
	return count;
}
