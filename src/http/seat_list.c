/* seat_list.c: copies the labels; json_read has seen to their length and that they are distinct. */
#include "http/seat_list.h"

#include <assert.h>

enum error seat_list_read(const struct json_strings *strings, uint32_t maximum, struct json_violations *violations,
                          const struct seat_label **ret_seats)
{
	assert(strings->count > 0 && maximum <= SEATS_PER_HOLD_LIMIT);
	if (strings->count > maximum) {
		struct slice detail = arena_format(violations->arena, "at most %u seats at once", maximum);
		if (detail.data == NULL)
			return ERR_NO_MEMORY;
		json_violations_add(violations, SLICE("/seats"), detail);
		return ERR_VALIDATION;
	}
	struct seat_label *seats = arena_allocate_array(violations->arena, strings->count, sizeof *seats);
	if (seats == NULL)
		return ERR_NO_MEMORY;
	for (uint32_t i = 0; i < strings->count; i++)
		seats[i] = seat_label_of(strings->items[i]);
	*ret_seats = seats;
	return OK;
}
