/* kinds.h: one descriptor for each kind of row, and the operations on rows of any kind, which go by the descriptor.
 *
 * A new kind is a row of ROW_KINDS (domain/row.h) and a file kind_NAME.c here, with its descriptor and its look-ups in the view. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "domain/key.h"
#include "domain/row.h"
#include "domain/text.h"

/* A row's natural key, by which it is found and sorted, in the order of the bytes. Borrowed from the row. */
struct row_key {
	const void *first;
	const void *second; /* a seat's label, all SEAT_LABEL_LENGTH_MAX bytes of it, after its event's id; else of length 0 */
	size_t first_length;
	size_t second_length;
	enum row_kind kind;
};

enum row_field_type {
	FIELD_UINT32,
	FIELD_UINT64, /* and int64_t */
	FIELD_BOOL,
	FIELD_ENUM,
	FIELD_UUID,
	FIELD_TEXT, /* struct short_text */
	FIELD_CURRENCY,
};

struct row_field {
	const char *name; /* static; as tro verify reports it */
	enum row_field_type type;
	size_t offset;
};

/* The bytes that hang on a row by a pointer: an array or a text. In the view they are behind the row, in one allocation. */
struct row_tail {
	size_t pointer_offset;
	size_t (*size)(const struct row *row);
	const char *name; /* of a tail that counts as a field; else NULL */
	bool (*is_equal)(const struct row *a, const struct row *b);
};

struct row_descriptor {
	const char *name; /* "seat" */
	size_t size;      /* bytes, without the tail */
	struct row_key (*key)(const struct row *row);
	size_t stream_offset;                         /* of the id of the stream that explains the row; it ends with the row's shard */
	struct uuid (*stream)(const struct row *row); /* NULL: always the same stream */
	const struct row_field *fields;               /* besides the key and the version; a key's are never compared */
	uint32_t field_count;
	const struct row_tail *tail; /* NULL: none */
};

/* Each in the file of its kind. */
#define X(NAME, name) extern const struct row_descriptor row_of_##name;
ROW_KINDS(X)
#undef X
const struct row_descriptor *row_descriptor(enum row_kind kind);

/* Of sales, holds, orders and refunds. */
static inline struct row_key row_key_of_uuid(enum row_kind kind, const struct uuid *id)
{
	return (struct row_key){.kind = kind, .first = id->bytes, .first_length = sizeof id->bytes};
}

static inline struct row_key row_key_of_seat(const struct uuid *event_id, const struct seat_label *label)
{
	return (struct row_key){.kind = ROW_SEAT,
	                        .first = event_id->bytes,
	                        .first_length = sizeof event_id->bytes,
	                        .second = label->text,
	                        .second_length = label->length};
}

static inline struct row_key row_key_of_payment(const struct short_text *transaction_id)
{
	return (struct row_key){.kind = ROW_PAYMENT, .first = transaction_id->text, .first_length = transaction_id->length};
}

/* Of an idempotency key, by its hash. */
static inline struct row_key row_key_of_hash(const uint8_t bytes[static KEY_HASH_LENGTH])
{
	return (struct row_key){.kind = ROW_KEY, .first = bytes, .first_length = KEY_HASH_LENGTH};
}

struct row_key row_key_of(const struct row *row);
/* The order of the keys' bytes. */
int row_key_order(const struct row_key *a, const struct row_key *b);
/* The same of two rows of one kind: seats by event and label, payments by transaction id, the others by id. */
int row_key_compare(const struct row *a, const struct row *b);

/* The name of the first field that differs, its version included; NULL when the rows are the same. Of one kind and key, not ROW_KEY;
 * a payment's and a refund's answer do not count. */
const char *row_difference(const struct row *a, const struct row *b);
/* The stream that explains the row: the hold's, the order's, the event's; of a seat its holder's, or its event's when nobody has it. */
struct uuid row_stream(const struct row *row);
uint8_t row_shard(const struct row *row);

/* Bytes of a row of this kind and its tail. Both this and row_copy_to ignore row->kind, which the maker of a row may leave out. */
size_t row_size(enum row_kind kind, const struct row *row);
/* Copies the row, and its tail behind it, to `place`, which has row_size bytes. Returns the copy, which is of this kind. */
struct row *row_copy_to(void *place, enum row_kind kind, const struct row *row);
