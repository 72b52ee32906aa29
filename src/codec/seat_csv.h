/* seat_csv.h: the seats of one event as comma-separated values (RFC 4180), made into the JSON that lists them in the body of an event, so
 * that there they are judged by the same rules.
 *
 * The first line is seat,section,row,price. Fields may be quoted, lines end with LF or CR LF, empty lines are passed over, and so is a byte
 * order mark. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include "codec/event_file.h"

#define SEAT_CSV_FIELDS 4

/* The places of one seat's fields, in the order of the header. */
struct seat_csv_row {
	struct file_place fields[SEAT_CSV_FIELDS];
};

struct seat_csv {
	struct slice json;               /* "[{\"seat\":…},…]" */
	const struct seat_csv_row *rows; /* of each seat; in the arena like the JSON */
	uint32_t count;
};

/* Calls `tell` for each error in the text as comma-separated values, until it answers false; the seats themselves are not judged here.
 * ERR_VALIDATION: `tell` was called. ERR_LIMIT: there are more than SEATS_PER_EVENT_MAX seats. ERR_NO_MEMORY. */
must_check enum error seat_csv_read(struct slice text, struct arena *arena, bool (*tell)(void *context, const struct file_fault *fault),
                                    void *context, struct seat_csv *ret_seats);

/* Finds the value that a JSON Pointer into the event's body names: "/seats/3/price". False: it names none of these seats. */
must_check bool seat_csv_locate(const struct seat_csv *seats, struct slice pointer, struct file_place *ret_place);
