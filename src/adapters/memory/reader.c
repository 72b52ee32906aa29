/* reader.c: the reader port in memory. Every call sees the whole database at one moment; a snapshot keeps the others out. */
#include <assert.h>
#include <stdlib.h>

#include "adapters/memory/contents.h"
#include "adapters/memory/database.h"
#include "domain/payment.h"
#include "domain/refund.h"

struct memory_reader {
	struct reader port;
	struct memory_database *database;
	bool has_snapshot;
};

static struct memory_database *enter(struct reader *port)
{
	assert(port != NULL);
	struct memory_reader *reader = container_of(port, struct memory_reader, port);
	if (!reader->has_snapshot)
		pthread_mutex_lock(&reader->database->lock);
	return reader->database;
}

static enum store_result leave(struct reader *port, bool has_memory)
{
	assert(port != NULL);
	struct memory_reader *reader = container_of(port, struct memory_reader, port);
	if (!reader->has_snapshot)
		pthread_mutex_unlock(&reader->database->lock);
	return has_memory ? STORE_OK : STORE_CORRUPT;
}

static enum store_result memory_snapshot_begin(struct reader *port)
{
	assert(port != NULL);
	struct memory_reader *reader = container_of(port, struct memory_reader, port);
	assert(!reader->has_snapshot);
	pthread_mutex_lock(&reader->database->lock);
	reader->has_snapshot = true;
	return STORE_OK;
}

static void memory_snapshot_end(struct reader *port)
{
	assert(port != NULL);
	struct memory_reader *reader = container_of(port, struct memory_reader, port);
	assert(reader->has_snapshot);
	reader->has_snapshot = false;
	pthread_mutex_unlock(&reader->database->lock);
}

static void *copy_bytes(struct arena *arena, const void *bytes, size_t size)
{
	assert(bytes != NULL || size == 0);
	void *copy = arena_allocate(arena, size);
	if (copy != NULL && size > 0)
		memcpy(copy, bytes, size);
	return copy;
}

/* A copy of the row in the arena; NULL when that is full. */
static const struct row *copy_row(struct arena *arena, const struct row *row)
{
	assert(arena != NULL);
	switch (row->kind) {
	case ROW_SALE:
		return copy_bytes(arena, row, sizeof(struct sale));
	case ROW_SEAT:
		return copy_bytes(arena, row, sizeof(struct seat));
	case ROW_PAYMENT:
		return copy_bytes(arena, row, sizeof(struct payment));
	case ROW_REFUND:
		return copy_bytes(arena, row, sizeof(struct refund));
	case ROW_HOLD: {
		struct hold *hold = copy_bytes(arena, row, sizeof *hold);
		if (hold != NULL)
			hold->seats = copy_bytes(arena, hold->seats, hold->seat_count * sizeof *hold->seats);
		return hold == NULL || hold->seats == NULL ? NULL : &hold->row;
	}
	case ROW_ORDER: {
		struct order *order = copy_bytes(arena, row, sizeof *order);
		if (order != NULL)
			order->items = copy_bytes(arena, order->items, order->item_count * sizeof *order->items);
		return order == NULL || order->items == NULL ? NULL : &order->row;
	}
	case ROW_KEY:
	case ROW_KIND_COUNT:
		break;
	}
	assert(false && "keys are not read");
	return NULL;
}

static const struct row *find_by_id(const struct memory_database *database, enum row_kind kind, const struct uuid *id)
{
	assert(id != NULL && (kind == ROW_SALE || kind == ROW_HOLD || kind == ROW_ORDER || kind == ROW_REFUND));
	struct sale sale = {.row.kind = kind, .event_id = *id};
	struct hold hold = {.row.kind = kind, .hold_id = *id};
	struct order order = {.row.kind = kind, .order_id = *id};
	struct refund refund = {.row.kind = kind, .refund_id = *id};
	const struct row *key = kind == ROW_SALE ? &sale.row : kind == ROW_HOLD ? &hold.row : kind == ROW_REFUND ? &refund.row : &order.row;
	return table_find(&database->tables[kind], key);
}

static enum store_result memory_find(struct reader *port, enum row_kind kind, const struct uuid *id, struct arena *arena,
                                     const struct row **ret_row)
{
	assert(id != NULL && arena != NULL && ret_row != NULL);
	assert(kind == ROW_SALE || kind == ROW_HOLD || kind == ROW_ORDER || kind == ROW_REFUND);
	struct memory_database *database = enter(port);
	const struct row *found = find_by_id(database, kind, id);
	const struct row *copy = found == NULL ? NULL : copy_row(arena, found);
	if (found == NULL || copy != NULL)
		*ret_row = copy;
	return leave(port, found == NULL || copy != NULL);
}

static enum store_result memory_list_history(struct reader *port, const struct uuid *stream_id, uint32_t after, uint32_t limit,
                                             struct arena *arena, struct event_list *ret_list)
{
	assert(stream_id != NULL && limit > 0 && ret_list != NULL);
	struct event_list list = {.records = arena_allocate_array(arena, limit, sizeof *list.records)};
	const struct memory_database *database = enter(port);
	for (uint32_t i = 0; list.records != NULL && i < database->event_count && list.count < limit; i++) {
		const struct event_record *record = &database->events[i];
		if (uuid_equal(&record->stream_id, stream_id) && record->sequence > after)
			list.records[list.count++] = *record; /* its texts stay where they are */
	}
	if (list.records != NULL)
		*ret_list = list;
	return leave(port, list.records != NULL);
}

/* Whether the holder of the seat has lapsed, so that anybody may take it. */
static bool is_free(const struct memory_database *database, const struct seat *seat, uint64_t now_ms)
{
	assert(seat != NULL);
	if (seat->status == SEAT_HELD) {
		const struct row *row = find_by_id(database, ROW_HOLD, &seat->holder_id);
		return row != NULL && hold_is_lapsed((const struct hold *)(const void *)row, now_ms);
	}
	if (seat->status == SEAT_RESERVED) {
		const struct row *row = find_by_id(database, ROW_ORDER, &seat->holder_id);
		return row != NULL && order_is_lapsed((const struct order *)(const void *)row, now_ms);
	}
	return false;
}

static enum store_result memory_list_seats(struct reader *port, const struct seat_query *query, struct arena *arena,
                                           struct seat_list *ret_list)
{
	assert(query->limit > 0);
	assert(arena != NULL && ret_list != NULL);
	struct seat_list list = {.entries = arena_allocate_array(arena, query->limit, sizeof *list.entries)};
	const struct memory_database *database = enter(port);
	bool has_memory = list.entries != NULL;
	uint64_t seen_position = 0;
	uint32_t seen = 0;
	for (uint64_t i = query->after_position; has_memory && i < database->place_count; i++) {
		const struct seat_place *place = &database->places[i];
		if (!uuid_equal(&place->event_id, &query->event_id))
			continue;
		if (list.count == query->limit || seen++ == SEATS_LOOKED_AT_MAX) {
			list.next_position = seen_position; /* there is at least one more */
			break;
		}
		seen_position = i + 1;
		const struct seat key = {.row.kind = ROW_SEAT, .event_id = place->event_id, .label = place->label};
		const struct seat *seat = (const struct seat *)(const void *)table_find(&database->tables[ROW_SEAT], &key.row);
		assert(seat != NULL);
		enum seat_status status = is_free(database, seat, query->now_ms) ? SEAT_AVAILABLE : seat->status;
		if (query->status != 0 && query->status != status)
			continue;
		list.entries[list.count++] = (struct seat_entry){
			.position = i + 1,
			.seat = arena_copy(arena, seat_label_slice(&place->label)), /* the array of places moves as it grows */
			.section = place->section,
			.row = place->row,
			.price = seat->price,
			.status = status,
			.version = seat->row.version,
		};
		has_memory = list.entries[list.count - 1].seat.data != NULL;
	}
	if (has_memory)
		*ret_list = list;
	return leave(port, has_memory);
}

/* All active holds and pending orders, the oldest deadline first; NULL out of memory. */
static struct due_item *list_live(const struct memory_database *database, struct arena *arena, uint32_t *ret_count)
{
	assert(arena != NULL && ret_count != NULL);
	const struct table *holds = &database->tables[ROW_HOLD], *orders = &database->tables[ROW_ORDER];
	struct due_item *items = arena_allocate_array(arena, (size_t)holds->count + orders->count, sizeof *items);
	uint32_t count = 0;
	for (uint32_t i = 0; items != NULL && i < holds->count; i++) {
		const struct hold *hold = (const struct hold *)(const void *)holds->rows[i];
		if (hold->status == HOLD_ACTIVE)
			items[count++] = (struct due_item){.kind = ROW_HOLD, .id = hold->hold_id, .deadline_ms = hold->expires_at_ms};
	}
	for (uint32_t i = 0; items != NULL && i < orders->count; i++) {
		const struct order *order = (const struct order *)(const void *)orders->rows[i];
		if (order->status == ORDER_PENDING)
			items[count++] = (struct due_item){.kind = ROW_ORDER, .id = order->order_id, .deadline_ms = order->pay_by_ms};
	}
	if (items != NULL && count > 0)
		qsort(items, count, sizeof *items, due_item_compare);
	*ret_count = count;
	return items;
}

static enum store_result memory_list_due(struct reader *port, uint64_t now_ms, uint32_t limit, struct arena *arena,
                                         struct due_list *ret_list)
{
	assert(limit > 0 && arena != NULL && ret_list != NULL);
	const struct memory_database *database = enter(port);
	uint32_t live = 0;
	struct due_list list = {.items = list_live(database, arena, &live), .next_deadline_ms = UINT64_MAX};
	uint32_t due = 0;
	while (list.items != NULL && due < live && list.items[due].deadline_ms <= now_ms)
		due++;
	if (list.items != NULL && due < live)
		list.next_deadline_ms = list.items[due].deadline_ms;
	list.count = due < limit ? due : limit;
	if (list.items != NULL)
		*ret_list = list;
	return leave(port, list.items != NULL);
}

static enum store_result memory_list_events(struct reader *port, const struct uuid *after, uint32_t limit, struct arena *arena,
                                            struct event_list *ret_list)
{
	assert(limit > 0 && arena != NULL && ret_list != NULL);
	struct event_list list = {.records = arena_allocate_array(arena, limit, sizeof *list.records)};
	const struct memory_database *database = enter(port);
	for (uint32_t i = contents_event_after(database, after); list.records != NULL && i < database->event_count && list.count < limit;
	     i++)
		list.records[list.count++] = database->events[i];
	if (list.records != NULL)
		*ret_list = list;
	return leave(port, list.records != NULL);
}

/* Whether the row is open for as long as its event is cancelled and not settled. */
static bool is_open(const struct row *row, const struct uuid *event_id)
{
	assert(row->kind == ROW_HOLD || row->kind == ROW_ORDER);
	if (row->kind == ROW_HOLD) {
		const struct hold *hold = (const struct hold *)(const void *)row;
		return hold->status == HOLD_ACTIVE && uuid_equal(&hold->event_id, event_id);
	}
	const struct order *order = (const struct order *)(const void *)row;
	return (order->status == ORDER_PENDING || order->kept > 0) && uuid_equal(&order->event_id, event_id);
}

static void add_open(const struct memory_database *database, enum row_kind kind, const struct uuid *event_id, uint32_t limit,
                     struct due_list *list)
{
	assert(list->items != NULL && list->count <= limit);
	assert(kind == ROW_HOLD || kind == ROW_ORDER);
	const struct table *table = &database->tables[kind];
	for (uint32_t i = 0; i < table->count && list->count < limit; i++) {
		const void *row = table->rows[i];
		const struct uuid *id = kind == ROW_HOLD ? &((const struct hold *)row)->hold_id : &((const struct order *)row)->order_id;
		if (is_open(row, event_id))
			list->items[list->count++] = (struct due_item){.kind = kind, .id = *id};
	}
}

static enum store_result memory_list_cancelled(struct reader *port, const struct uuid *after, uint32_t limit, struct arena *arena,
                                               struct uuid *ret_event, struct due_list *ret_list)
{
	assert(limit > 0 && arena != NULL && ret_event != NULL && ret_list != NULL);
	struct due_list list = {.items = arena_allocate_array(arena, limit, sizeof *list.items), .next_deadline_ms = UINT64_MAX};
	if (list.items == NULL)
		return STORE_CORRUPT;
	const struct memory_database *database = enter(port);
	const struct table *sales = &database->tables[ROW_SALE];
	const struct sale *found = NULL;
	for (uint32_t i = 0; found == NULL && i < sales->count; i++) {
		const struct sale *sale = (const struct sale *)(const void *)sales->rows[i];
		bool is_past = after == NULL || uuid_compare(&sale->event_id, after) > 0;
		if (is_past && sale->status == SALE_CANCELLED && !sale->is_settled)
			found = sale;
	}
	if (found != NULL) {
		add_open(database, ROW_HOLD, &found->event_id, limit, &list);
		add_open(database, ROW_ORDER, &found->event_id, limit, &list);
		if (list.count == 0)
			list.items[list.count++] = due_settlement(&found->event_id, found->row.version);
		*ret_event = found->event_id;
	}
	*ret_list = list;
	return leave(port, true);
}

static enum store_result memory_account(struct reader *port, const struct uuid *event_id, struct sale_account *ret_account)
{
	assert(event_id != NULL && ret_account != NULL);
	struct sale_account account = {0};
	const struct memory_database *database = enter(port);
	const struct table *holds = &database->tables[ROW_HOLD], *orders = &database->tables[ROW_ORDER];
	const struct row *row = find_by_id(database, ROW_SALE, event_id);
	for (uint32_t i = 0; i < holds->count; i++)
		account.active_holds += is_open(holds->rows[i], event_id);
	for (uint32_t i = 0; i < orders->count; i++) {
		const struct order *order = (const struct order *)(const void *)orders->rows[i];
		bool is_of_event = is_open(orders->rows[i], event_id);
		account.pending_orders += is_of_event && order->kept == 0;
		account.paid_orders += is_of_event && order->kept > 0;
		account.paid += is_of_event ? order->kept : 0;
	}
	if (row != NULL) {
		account.currency = ((const struct sale *)(const void *)row)->currency;
		account.is_settled = ((const struct sale *)(const void *)row)->is_settled;
	}
	*ret_account = account;
	return leave(port, true);
}

static enum store_result memory_list_refunds(struct reader *port, const struct refund_query *query, struct arena *arena,
                                             struct refund_list *ret_list)
{
	assert(query->limit > 0 && arena != NULL && ret_list != NULL);
	struct refund_list list = {.refunds = arena_allocate_array(arena, query->limit, sizeof *list.refunds)};
	if (list.refunds == NULL)
		return STORE_CORRUPT;
	const struct table *table = &enter(port)->tables[ROW_REFUND];
	const struct refund after = {.row.kind = ROW_REFUND, .refund_id = query->after};
	for (uint32_t i = table_after(table, &after.row); i < table->count && list.count < query->limit; i++) {
		const struct refund *refund = (const struct refund *)(const void *)table->rows[i];
		bool is_of_event = uuid_is_nil(&query->event_id) || uuid_equal(&query->event_id, &refund->event_id);
		if (is_of_event && (query->status == 0 || query->status == refund->status))
			list.refunds[list.count++] = *refund;
	}
	*ret_list = list;
	return leave(port, true);
}

static enum store_result memory_scan(struct reader *port, enum row_kind kind, const struct row *after, uint32_t limit, struct arena *arena,
                                     const struct row ***ret_rows, uint32_t *ret_count)
{
	assert(limit > 0 && arena != NULL && ret_rows != NULL && ret_count != NULL);
	assert(kind < ROW_KEY && (after == NULL || after->kind == kind));
	const struct row **rows = arena_allocate_array(arena, limit, sizeof *rows);
	const struct table *table = &enter(port)->tables[kind];
	bool has_memory = rows != NULL;
	uint32_t count = 0;
	for (uint32_t i = table_after(table, after); has_memory && i < table->count && count < limit; i++) {
		rows[count] = copy_row(arena, table->rows[i]);
		has_memory = rows[count++] != NULL;
	}
	if (has_memory) {
		*ret_rows = rows;
		*ret_count = count;
	}
	return leave(port, has_memory);
}

static enum store_result memory_list_catalog_changes(struct reader *port, const struct uuid *after, uint32_t limit, struct arena *arena,
                                                     struct catalog_change_list *ret_list)
{
	assert(limit > 0 && arena != NULL && ret_list != NULL);
	struct catalog_change_list list = {.changes = arena_allocate_array(arena, limit, sizeof *list.changes)};
	const struct memory_database *database = enter(port);
	uint32_t first = contents_catalog_change_after(database, after);
	for (uint32_t i = first; list.changes != NULL && i < database->catalog_change_count && list.count < limit; i++)
		list.changes[list.count++] = database->catalog_changes[i];
	if (list.changes != NULL)
		*ret_list = list;
	return leave(port, list.changes != NULL);
}

static enum store_result memory_drop_catalog_change(struct reader *port, const struct catalog_change *change)
{
	assert(change != NULL);
	struct memory_database *database = enter(port);
	struct catalog_change *changes = database->catalog_changes;
	uint32_t end = contents_catalog_change_after(database, &change->event_id);
	if (end > 0 && uuid_equal(&changes[end - 1].event_id, &change->event_id) && changes[end - 1].version <= change->version) {
		memmove(&changes[end - 1], &changes[end], (database->catalog_change_count - end) * sizeof *changes);
		database->catalog_change_count--;
	}
	return leave(port, true);
}

/* Publishers count from lease to release, or until another notices that they are gone: a reader has no clock. */
static enum store_result memory_look_at_outbox(struct reader *port, struct outbox_status *ret_status)
{
	assert(ret_status != NULL);
	struct memory_database *database = enter(port);
	struct outbox_status status = {
		.entries = database->outbox_count < OUTBOX_COUNT_MAX ? database->outbox_count : OUTBOX_COUNT_MAX,
		.publishers = database->publisher_count,
	};
	for (uint32_t i = 0; i < database->outbox_count; i++)
		if (status.oldest_ms == 0 || database->outbox[i].written_ms < status.oldest_ms)
			status.oldest_ms = database->outbox[i].written_ms;
	*ret_status = status;
	return leave(port, true);
}

static bool is_past(const struct outbox_row *row, const struct waiting_entry *after)
{
	assert(row != NULL);
	if (after == NULL || row->partition != after->partition)
		return after == NULL || row->partition > after->partition;
	return uuid_compare(&row->id, &after->id) > 0;
}

static bool fill_waiting(const struct memory_database *database, const struct outbox_row *row, struct arena *arena,
                         struct waiting_entry *ret_entry)
{
	assert(arena != NULL && ret_entry != NULL);
	*ret_entry = (struct waiting_entry){.partition = row->partition, .id = row->id, .count = row->count};
	ret_entry->events = arena_allocate_array(arena, row->count, sizeof *ret_entry->events);
	for (uint32_t i = 0; ret_entry->events != NULL && i < row->count; i++) {
		const struct event_record *record = contents_event(database, &row->event_ids[i]);
		ret_entry->events[i] = (struct waiting_event){.id = row->event_ids[i]};
		if (record == NULL)
			continue;
		ret_entry->events[i].stream_id = record->stream_id;
		ret_entry->events[i].type = record->type;
	}
	return ret_entry->events != NULL;
}

static enum store_result memory_list_outbox(struct reader *port, const struct waiting_entry *after, uint32_t limit, struct arena *arena,
                                            struct waiting_list *ret_list)
{
	assert(limit > 0 && arena != NULL && ret_list != NULL);
	struct memory_database *database = enter(port);
	struct waiting_list list = {.entries = arena_allocate_array(arena, limit, sizeof *list.entries)};
	bool has_memory = list.entries != NULL;
	for (uint8_t partition = 0; partition < OUTBOX_PARTITIONS; partition++) {
		for (uint32_t i = 0; has_memory && list.count < limit && i < database->outbox_count; i++) {
			const struct outbox_row *row = &database->outbox[i];
			if (row->partition == partition && is_past(row, after))
				has_memory = fill_waiting(database, row, arena, &list.entries[list.count++]);
		}
	}
	if (has_memory)
		*ret_list = list;
	return leave(port, has_memory);
}

static enum store_result memory_ping(struct reader *port, struct ping *ret_ping)
{
	assert(ret_ping != NULL);
	(void)port;
	*ret_ping = (struct ping){0};
	return STORE_OK;
}

static void memory_free(struct reader *port)
{
	assert(port != NULL);
	free(container_of(port, struct memory_reader, port));
}

static const struct reader_operations operations = {
	.snapshot_begin = memory_snapshot_begin,
	.snapshot_end = memory_snapshot_end,
	.find = memory_find,
	.list_history = memory_list_history,
	.list_seats = memory_list_seats,
	.list_due = memory_list_due,
	.list_cancelled = memory_list_cancelled,
	.account = memory_account,
	.list_refunds = memory_list_refunds,
	.list_events = memory_list_events,
	.scan = memory_scan,
	.list_catalog_changes = memory_list_catalog_changes,
	.drop_catalog_change = memory_drop_catalog_change,
	.look_at_outbox = memory_look_at_outbox,
	.list_outbox = memory_list_outbox,
	.ping = memory_ping,
	.free = memory_free,
};

enum error memory_reader_new(struct memory_database *database, struct reader **ret_reader)
{
	assert(ret_reader != NULL);
	assert(database != NULL);
	struct memory_reader *reader = calloc(1, sizeof *reader);
	if (reader == NULL)
		return ERR_NO_MEMORY;
	reader->port = (struct reader){.operations = &operations};
	reader->database = database;
	*ret_reader = &reader->port;
	return OK;
}
