/* store.c: the store port in memory: looks whether everything is as expected, then writes everything. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/memory/contents.h"
#include "adapters/memory/database.h"

struct memory_store {
	struct store port;
	struct memory_database *database;
	uint64_t epoch; /* that this store's replay has begun; 0: it has none */
	bool is_open;   /* a transaction of begin … */
	bool has_seen;  /* … that has loaded something, when this was the number of changes: */
	uint64_t seen_changes;
};

static struct memory_database *database_of(struct store *store)
{
	assert(store != NULL);
	return container_of(store, struct memory_store, port)->database;
}

static bool load_keys(const struct memory_database *database, const struct needs *needs, struct view *view)
{
	assert(needs->keys != NULL || needs->key_count == 0);
	for (uint32_t i = 0; i < needs->key_count; i++) {
		struct key key = {.idempotency = needs->keys[i]};
		const struct event_record *event = contents_key(database, key.idempotency.key);
		if (event != NULL) {
			key.row.version = uuid_stamp(&event->id);
			key.idempotency = event->idempotency;
			key.stream_id = event->stream_id;
			key.answer = event->data;
		}
		if (view_put_key(view, &key) == NULL)
			return false;
	}
	return true;
}

static bool load_payments(const struct memory_database *database, const struct needs *needs, struct view *view)
{
	assert(needs->payments != NULL || needs->payment_count == 0);
	for (uint32_t i = 0; i < needs->payment_count; i++) {
		struct payment absent = {.row.kind = ROW_PAYMENT, .transaction_id = needs->payments[i]};
		const struct row *found = table_find(&database->tables[ROW_PAYMENT], &absent.row);
		struct payment payment = found == NULL ? absent : *(const struct payment *)(const void *)found;
		const struct event_record *event = found == NULL ? NULL : contents_event(database, &payment.applied_by);
		if (event != NULL)
			payment.answer = event->data;
		if (view_put_payment(view, &payment) == NULL)
			return false;
	}
	return true;
}

static bool load_refunds(const struct memory_database *database, const struct needs *needs, struct view *view)
{
	assert(needs->refunds != NULL || needs->refund_count == 0);
	for (uint32_t i = 0; i < needs->refund_count; i++) {
		struct refund absent = {.row.kind = ROW_REFUND, .refund_id = needs->refunds[i]};
		const struct row *found = table_find(&database->tables[ROW_REFUND], &absent.row);
		struct refund refund = found == NULL ? absent : *(const struct refund *)(const void *)found;
		const struct event_record *event = found == NULL ? NULL : contents_event(database, &refund.closed_by);
		if (event != NULL)
			refund.answer = event->data;
		if (view_put_refund(view, &refund) == NULL)
			return false;
	}
	return true;
}

static bool load_rows(const struct memory_database *database, const struct needs *needs, struct view *view)
{
	assert(view != NULL);
	bool has_memory = true;
	for (uint32_t i = 0; has_memory && i < needs->sale_count; i++) {
		struct sale absent = {.row.kind = ROW_SALE, .event_id = needs->sales[i]};
		const struct row *found = table_find(&database->tables[ROW_SALE], &absent.row);
		has_memory = view_put_sale(view, found == NULL ? &absent : (const struct sale *)(const void *)found) != NULL;
	}
	for (uint32_t i = 0; has_memory && i < needs->seat_count; i++) {
		struct seat absent = {.row.kind = ROW_SEAT, .event_id = needs->seats[i].event_id, .label = needs->seats[i].label};
		const struct row *found = table_find(&database->tables[ROW_SEAT], &absent.row);
		has_memory = view_put_seat(view, found == NULL ? &absent : (const struct seat *)(const void *)found) != NULL;
	}
	for (uint32_t i = 0; has_memory && i < needs->hold_count; i++) {
		struct hold absent = {.row.kind = ROW_HOLD, .hold_id = needs->holds[i]};
		const struct row *found = table_find(&database->tables[ROW_HOLD], &absent.row);
		has_memory = view_put_hold(view, found == NULL ? &absent : (const struct hold *)(const void *)found) != NULL;
	}
	for (uint32_t i = 0; has_memory && i < needs->order_count; i++) {
		struct order absent = {.row.kind = ROW_ORDER, .order_id = needs->orders[i]};
		const struct row *found = table_find(&database->tables[ROW_ORDER], &absent.row);
		has_memory = view_put_order(view, found == NULL ? &absent : (const struct order *)(const void *)found) != NULL;
	}
	return has_memory;
}

/* Old rows are not kept: a transaction ends with a conflict as soon as something was written after its first load. */
static bool sees_one_moment(struct memory_store *store)
{
	if (!store->is_open)
		return true;
	if (!store->has_seen)
		store->seen_changes = store->database->change_count;
	store->has_seen = true;
	return store->seen_changes == store->database->change_count;
}

static enum store_result load(const struct memory_database *database, const struct needs *needs, struct view *view)
{
	assert(needs != NULL && view != NULL);
	if (database->is_replaying)
		return STORE_DOWN;
	if (!view_enter_epoch(view, database->epoch))
		return STORE_OK;
	bool has_memory = load_rows(database, needs, view) && load_payments(database, needs, view) && load_refunds(database, needs, view) &&
	                  load_keys(database, needs, view);
	return has_memory ? STORE_OK : STORE_CORRUPT;
}

static enum store_result memory_load(struct store *store, const struct needs *needs, struct view *view)
{
	assert(!needs_are_empty(needs));
	struct memory_database *database = database_of(store);
	pthread_mutex_lock(&database->lock);
	struct memory_store *self = container_of(store, struct memory_store, port);
	enum store_result result = sees_one_moment(self) ? load(database, needs, view) : STORE_BUSY;
	pthread_mutex_unlock(&database->lock);
	return result;
}

static bool has_stored_version(const struct memory_database *database, const struct row *row)
{
	assert(row->kind < ROW_KEY);
	const struct row *found = table_find(&database->tables[row->kind], row);
	return (found == NULL ? 0 : found->version) == row->stored_version;
}

static bool event_is_new(const struct memory_database *database, const struct event *event)
{
	assert(event != NULL);
	if (event->idempotency.is_present && contents_key(database, event->idempotency.key) != NULL)
		return false;
	for (uint32_t i = database->event_count; i-- > 0;) {
		const struct event_record *record = &database->events[i];
		if (uuid_equal(&record->id, &event->id) ||
		    (uuid_equal(&record->stream_id, &event->stream_id) && record->sequence == event->sequence))
			return false;
	}
	return true;
}

static bool is_as_expected(const struct memory_database *database, const struct changes *changes)
{
	assert(changes->rows != NULL || changes->row_count == 0);
	assert(changes->relied != NULL || changes->relied_count == 0);
	bool is_of_this_epoch = changes->epoch == 0 || changes->epoch == database->epoch;
	if (!changes->is_replay && (database->is_replaying || !is_of_this_epoch))
		return false;
	for (uint32_t i = 0; i < changes->row_count; i++)
		if (!has_stored_version(database, changes->rows[i]))
			return false;
	for (uint32_t i = 0; i < changes->relied_count; i++)
		if (!has_stored_version(database, changes->relied[i]))
			return false;
	for (uint32_t i = 0; i < changes->unused_key_count; i++)
		if (contents_key(database, changes->unused_keys[i].key) != NULL)
			return false;
	for (uint32_t i = 0; !changes->is_replay && i < changes->event_count; i++)
		if (!event_is_new(database, &changes->events[i]))
			return false;
	for (uint32_t i = 0; changes->event_count > 0 && i < database->abandoned_count; i++)
		if (uuid_equal(&database->abandoned[i], &changes->events[0].id))
			return false;
	return true;
}

/* The simulator's memory does not run out; a half-written commit would be a lie, so it ends the program. */
static void need(bool has_memory)
{
	if (!has_memory)
		abort();
}

static struct slice keep(struct memory_database *database, struct slice text)
{
	struct slice copy = arena_copy(&database->texts, text);
	need(copy.data != NULL);
	return copy;
}

static void append_event(struct memory_database *database, const struct event *event)
{
	assert(event->type > EVENT_NONE && event->type < EVENT_TYPE_COUNT);
	void *array = database->events;
	need(contents_grow(&array, database->event_count, &database->event_capacity, sizeof *database->events));
	database->events = array;
	uint32_t index = contents_event_after(database, &event->id);
	memmove(&database->events[index + 1], &database->events[index], (database->event_count - index) * sizeof *database->events);
	database->events[index] = (struct event_record){
		.id = event->id,
		.type = event->type,
		.stream_id = event->stream_id,
		.sequence = event->sequence,
		.occurred_at_ms = event->occurred_at_ms,
		.actor = keep(database, event->actor),
		.trace = event->trace,
		.trace_state = keep(database, event->trace_state),
		.idempotency = event->idempotency,
		.data = keep(database, event->data),
	};
	database->event_count++;
}

struct seating_of_sale {
	struct memory_database *database;
	const struct event *event;
};

static enum error add_seat(void *context, const struct layout_seat *layout_seat)
{
	assert(context != NULL && layout_seat != NULL);
	const struct seating_of_sale *seating = context;
	struct memory_database *database = seating->database;
	struct seat seat = {
		.row = {.kind = ROW_SEAT, .version = uuid_stamp(&seating->event->id)},
		.event_id = seating->event->event_id,
		.label = seat_label_of(layout_seat->seat),
		.status = SEAT_AVAILABLE,
		.price = layout_seat->price,
	};
	need(table_put(&database->tables[ROW_SEAT], &seat.row) != NULL);
	void *array = database->places;
	need(contents_grow(&array, database->place_count, &database->place_capacity, sizeof *database->places));
	database->places = array;
	database->places[database->place_count++] = (struct seat_place){
		.event_id = seat.event_id,
		.label = seat.label,
		.section = keep(database, layout_seat->section),
		.row = keep(database, layout_seat->row),
	};
	return OK;
}

/* Events of one partition, in order, under the id of the first: the ids of the rows ascend as those of their events do. */
static void add_outbox_row(struct memory_database *database, const struct changes *changes, uint8_t partition)
{
	assert(partition < OUTBOX_PARTITIONS);
	struct uuid *ids = arena_allocate_array(&database->texts, changes->event_count, sizeof *ids);
	need(ids != NULL);
	uint32_t count = 0;
	for (uint32_t i = 0; i < changes->event_count; i++)
		if (outbox_takes(partition, &changes->events[i]))
			ids[count++] = changes->events[i].id;
	if (count == 0)
		return;
	void *array = database->outbox;
	need(contents_grow(&array, database->outbox_count, &database->outbox_capacity, sizeof *database->outbox));
	database->outbox = array;
	uint32_t index = database->outbox_count++;
	for (; index > 0 && uuid_compare(&database->outbox[index - 1].id, &ids[0]) > 0; index--)
		database->outbox[index] = database->outbox[index - 1];
	database->outbox[index] =
		(struct outbox_row){.partition = partition, .id = ids[0], .written_ms = changes->now_ms, .event_ids = ids, .count = count};
}

static void list_for_catalog(struct memory_database *database, const struct sale *sale)
{
	assert(sale->row.kind == ROW_SALE);
	uint32_t index = contents_catalog_change_after(database, &sale->event_id);
	const struct catalog_change change = {.event_id = sale->event_id, .version = sale->row.version};
	if (index > 0 && uuid_equal(&database->catalog_changes[index - 1].event_id, &sale->event_id)) {
		database->catalog_changes[index - 1] = change;
		return;
	}
	void *array = database->catalog_changes;
	need(contents_grow(&array, database->catalog_change_count, &database->catalog_change_capacity, sizeof change));
	database->catalog_changes = array;
	memmove(&database->catalog_changes[index + 1], &database->catalog_changes[index],
	        (database->catalog_change_count - index) * sizeof change);
	database->catalog_changes[index] = change;
	database->catalog_change_count++;
}

static void list_seat_change(struct memory_database *database, const struct seat *seat)
{
	assert(seat->row.kind == ROW_SEAT);
	void *array = database->seat_changes;
	need(contents_grow(&array, database->seat_change_count, &database->seat_change_capacity, sizeof *database->seat_changes));
	database->seat_changes = array;
	database->seat_changes[database->seat_change_count++] =
		(struct memory_seat_change){.position = database->change_count + 1, .event_id = seat->event_id, .label = seat->label};
}

static void write_all(struct memory_database *database, const struct changes *changes)
{
	assert(changes != NULL);
	for (uint32_t i = 0; i < changes->row_count; i++)
		need(table_put(&database->tables[changes->rows[i]->kind], changes->rows[i]) != NULL);
	for (uint32_t i = 0; i < changes->row_count; i++)
		if (changes->rows[i]->kind == ROW_SALE)
			list_for_catalog(database, container_of(changes->rows[i], const struct sale, row));
	for (uint32_t i = 0; i < changes->event_count; i++) {
		struct seating_of_sale seating = {.database = database, .event = &changes->events[i]};
		if (changes->events[i].type == EVENT_SALE_CREATED)
			need(layout_each_seat(&changes->events[i].layout, add_seat, &seating) == OK);
	}
	if (changes->is_replay)
		return;
	for (uint32_t i = 0; i < changes->row_count; i++)
		if (changes->rows[i]->kind == ROW_SEAT)
			list_seat_change(database, container_of(changes->rows[i], const struct seat, row));
	for (uint32_t i = 0; i < changes->event_count; i++)
		append_event(database, &changes->events[i]);
	for (uint8_t partition = 0; partition < OUTBOX_PARTITIONS; partition++)
		add_outbox_row(database, changes, partition);
}

static enum store_result memory_commit(struct store *store, const struct changes *changes)
{
	assert(changes != NULL);
	struct memory_database *database = database_of(store);
	pthread_mutex_lock(&database->lock);
	bool is_rebuild = changes->is_replay && database->rebuild != NULL;
	if (is_rebuild)
		contents_swap(database);
	bool is_expected = is_as_expected(database, changes);
	if (is_expected)
		write_all(database, changes);
	if (is_rebuild)
		contents_swap(database);
	if (is_expected && changes->row_count + changes->event_count > 0)
		database->change_count++;
	container_of(store, struct memory_store, port)->is_open = false;
	pthread_mutex_unlock(&database->lock);
	return is_expected ? STORE_OK : STORE_STALE;
}

static void memory_begin(struct store *port)
{
	assert(port != NULL);
	struct memory_store *store = container_of(port, struct memory_store, port);
	assert(!store->is_open);
	store->is_open = true;
	store->has_seen = false;
}

static void memory_end(struct store *port)
{
	assert(port != NULL);
	container_of(port, struct memory_store, port)->is_open = false;
}

static enum store_result memory_resolve(struct store *store, const struct changes *changes, bool *ret_committed)
{
	assert(ret_committed != NULL);
	assert(changes->event_count > 0);
	struct memory_database *database = database_of(store);
	pthread_mutex_lock(&database->lock);
	*ret_committed = contents_event(database, &changes->events[0].id) != NULL;
	if (!*ret_committed) {
		void *array = database->abandoned;
		need(contents_grow(&array, database->abandoned_count, &database->abandoned_capacity, sizeof *database->abandoned));
		database->abandoned = array;
		database->abandoned[database->abandoned_count++] = changes->events[0].id;
	}
	pthread_mutex_unlock(&database->lock);
	return STORE_OK;
}

static enum store_result memory_replay_begin(struct store *port)
{
	assert(port != NULL);
	struct memory_store *store = container_of(port, struct memory_store, port);
	struct memory_database *database = store->database;
	pthread_mutex_lock(&database->lock);
	contents_drop_rebuild(database);
	database->is_replaying = true;
	store->epoch = ++database->epoch;
	pthread_mutex_unlock(&database->lock);
	return STORE_OK;
}

/* Whether no other replay has begun since this store's. */
static bool has_replay(const struct memory_store *store)
{
	assert(store != NULL);
	return store->database->is_replaying && store->epoch == store->database->epoch;
}

static enum store_result memory_replay_clear(struct store *port)
{
	assert(port != NULL);
	struct memory_store *store = container_of(port, struct memory_store, port);
	struct memory_database *database = store->database;
	pthread_mutex_lock(&database->lock);
	bool is_mine = has_replay(store);
	if (is_mine) {
		contents_drop_rebuild(database);
		database->rebuild = calloc(1, sizeof *database->rebuild);
		need(database->rebuild != NULL);
	}
	pthread_mutex_unlock(&database->lock);
	return is_mine ? STORE_OK : STORE_STALE;
}

static enum store_result memory_replay_end(struct store *port, bool is_done)
{
	assert(port != NULL);
	struct memory_store *store = container_of(port, struct memory_store, port);
	struct memory_database *database = store->database;
	pthread_mutex_lock(&database->lock);
	bool is_mine = has_replay(store);
	if (is_mine) {
		if (is_done)
			contents_swap(database);
		contents_drop_rebuild(database);
		database->is_replaying = false;
	}
	pthread_mutex_unlock(&database->lock);
	return is_mine ? STORE_OK : STORE_STALE;
}

static void memory_free(struct store *store)
{
	assert(store != NULL);
	free(container_of(store, struct memory_store, port));
}

static const struct store_operations operations = {
	.begin = memory_begin,
	.end = memory_end,
	.load = memory_load,
	.commit = memory_commit,
	.resolve = memory_resolve,
	.replay_begin = memory_replay_begin,
	.replay_clear = memory_replay_clear,
	.replay_end = memory_replay_end,
	.free = memory_free,
};

enum error memory_store_new(struct memory_database *database, struct store **ret_store)
{
	assert(ret_store != NULL);
	assert(database != NULL);
	struct memory_store *store = calloc(1, sizeof *store);
	if (store == NULL)
		return ERR_NO_MEMORY;
	store->port = (struct store){.operations = &operations};
	store->database = database;
	*ret_store = &store->port;
	return OK;
}
