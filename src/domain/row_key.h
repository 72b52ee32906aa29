/* row_key.h: a row's natural key, without padding, as it is hashed and compared. Private to the view. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"
#include "domain/row.h"
#include "domain/text.h"

struct row_key {
	enum row_kind kind;
	size_t length;
	uint8_t bytes[sizeof(struct uuid) + SHORT_TEXT_LENGTH_MAX];
};

/* Of sales, holds, orders and refunds. */
struct row_key row_key_of_uuid(enum row_kind kind, const struct uuid *id);
struct row_key row_key_of_seat(const struct uuid *event_id, const struct seat_label *label);
/* Of payments and idempotency keys. */
struct row_key row_key_of_text(enum row_kind kind, const void *text, size_t length);
struct row_key row_key_of_row(const struct row *row);

/* Bytes of a row of the kind, without the arrays and texts that hang on it. */
size_t row_size(enum row_kind kind);
