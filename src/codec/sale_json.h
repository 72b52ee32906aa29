/* sale_json.h: the body that puts an event on sale, read from a client, a file or the event store:
 * {name, venue, description?, starts_at, on_sale_from?, on_sale_until?, currency, sections:[{name, price, rows, seats_per_row}]},
 * or seats:[{seat, price, section?, row?}] instead of sections. backdated: true allows a starts_at that is past. An import takes event_id,
 * too. */
#pragma once

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/json_writer.h"
#include "base/slice.h"
#include "codec/json_fields.h"
#include "domain/command.h"
#include "domain/event.h"
#include "domain/sale.h"

/* The greatest price: the total of the largest order stays below MONEY_MAX. */
#define PRICE_MAX INT64_C(1000000000000)

#define SALE_TEXT_MAX 200
#define SALE_DESCRIPTION_MAX 4000

struct sale_body {
	struct slice name;
	struct slice venue;
	struct slice description;
	uint64_t starts_at_ms;
	uint64_t on_sale_from_ms;
	uint64_t on_sale_until_ms;
	struct slice currency;
	struct json_objects sections; /* struct section_body */
	struct json_objects seats;    /* struct layout_seat */
	bool backdated;
	struct uuid event_id; /* of an import only */
};

extern const struct json_field sale_body_fields[];
#define SALE_IMPORT_FIELD_COUNT 11
#define SALE_BODY_FIELD_COUNT 10 /* the first of them */
#define SALE_DATA_FIELD_COUNT 9  /* the first of them, which the event's data has too */

/* Reads and checks the whole body: seats are 1 to SEATS_PER_EVENT_MAX, distinct, with labels short enough; the sale window is not empty
 * and ends when the event starts; the event starts after now_ms unless the body is backdated. Fills all of ret_create but its event_id;
 * ret_create borrows from the text and from violations->arena. ERR_JSON_INVALID, ERR_VALIDATION (see violations), ERR_NO_MEMORY. */
must_check enum error sale_body_read(struct slice text, uint64_t now_ms, struct json_violations *violations,
                                     struct sale_create *ret_create);
/* The same for an event of an import, which may bring its own event_id; without one ret_create->event_id is nil. */
must_check enum error sale_import_read(struct slice text, uint64_t now_ms, struct json_violations *violations,
                                       struct sale_create *ret_create);

/* The layout of a body that json_read has filled; arrays are in the arena. ERR_NO_MEMORY. */
must_check enum error sale_body_layout(const struct sale_body *body, struct arena *arena, struct layout *ret_layout);

/* The members of the event as people browse it, without the braces: {event_id, name, venue, description, starts_at, on_sale_from,
 * on_sale_until, currency, status, seat_count, created_at}. on_sale_from and on_sale_until are null when they are not set. */
struct sale_summary {
	struct uuid event_id;
	struct sale_details details;
	uint64_t on_sale_from_ms;
	uint64_t on_sale_until_ms;
	struct currency currency;
	enum sale_status status;
	uint32_t seat_count;
	uint64_t created_at_ms;
};
void sale_summary_write(struct json_writer *writer, const struct sale_summary *summary);
/* sections:[…] or seats:[…]. */
void sale_layout_write(struct json_writer *writer, const struct layout *layout);
