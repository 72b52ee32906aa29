/* stored_write.h: rows and events as the values of the statements that write them, in the order in which stored.h reads the columns.
 *
 * For the adapters of SQL databases, which differ in how a value is given to a statement. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "adapters/sql/stored.h"
#include "base/attributes.h"
#include "base/buffer.h"
#include "domain/event.h"

/* The values of a statement. */
struct places {
	const struct place_operations *operations;
	void *target; /* borrowed: the adapter's */
};

/* Indexes begin at 0. Values are borrowed until the statement has run: the row, the event and the buffers live so long. */
struct place_operations {
	void (*put_int)(void *target, uint32_t index, int64_t value);
	void (*put_text)(void *target, uint32_t index, struct slice text);
	void (*put_name)(void *target, uint32_t index,
	                 struct slice name); /* a text that is only compared: a seat's label, a transaction's id */
	void (*put_bytes)(void *target, uint32_t index, struct slice bytes);
	void (*put_uuid)(void *target, uint32_t index, const struct uuid *id); /* NULL: SQL's */
};

/* A new row, without a version before; seats come with their sale, keys with their events. scratch: for what a row points to. False: that
 * is out of memory. */
must_check bool stored_row_put(struct places places, const struct row *row, struct buffer *scratch);
/* The columns of a row's key, from that index on; answers the index behind them. */
uint32_t stored_key_put(struct places places, uint32_t index, const struct row *row);
/* The columns of a stored row that may change, with its version, from that index on. */
void stored_change_put(struct places places, uint32_t index, const struct row *row);
/* trace: the event's, for as long as the event. */
void stored_event_put(struct places places, const struct event *event, uint8_t trace[static TRACE_BYTES]);
