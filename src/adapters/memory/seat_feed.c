/* seat_feed.c: the seat feed port in memory: a list of the seats that commits have changed. */
#include <assert.h>
#include <stdlib.h>

#include "adapters/memory/contents.h"
#include "base/list.h"
#include "domain/hold.h"
#include "domain/order.h"
#include "ports/seat_feed.h"

struct memory_seat_feed {
	struct seat_feed port;
	struct memory_database *database;
};

static struct memory_database *database_of(struct seat_feed *port)
{
	assert(port != NULL);
	return container_of(port, struct memory_seat_feed, port)->database;
}

static uint64_t deadline_of(const struct memory_database *database, const struct seat *seat)
{
	assert(seat->row.kind == ROW_SEAT);
	const struct hold hold = {.row.kind = ROW_HOLD, .hold_id = seat->holder_id};
	const struct order order = {.row.kind = ROW_ORDER, .order_id = seat->holder_id};
	const struct row *row = NULL;
	if (seat->status == SEAT_HELD)
		row = table_find(&database->tables[ROW_HOLD], &hold.row);
	else if (seat->status == SEAT_RESERVED)
		row = table_find(&database->tables[ROW_ORDER], &order.row);
	if (row == NULL)
		return 0;
	return row->kind == ROW_HOLD ? container_of(row, const struct hold, row)->expires_at_ms
	                             : container_of(row, const struct order, row)->pay_by_ms;
}

/* The state of the seat at a place; NULL when there is none. */
static const struct seat *seat_at(const struct memory_database *database, const struct seat_place *place, struct seat_state *ret_state)
{
	assert(place != NULL && ret_state != NULL);
	const struct seat key = {.row.kind = ROW_SEAT, .event_id = place->event_id, .label = place->label};
	const struct row *row = table_find(&database->tables[ROW_SEAT], &key.row);
	if (row == NULL)
		return NULL;
	const struct seat *seat = container_of(row, const struct seat, row);
	*ret_state = (struct seat_state){.status = seat->status, .deadline_ms = deadline_of(database, seat), .version = seat->row.version};
	return seat;
}

static bool is_wanted(const struct uuid *event_ids, uint32_t count, const struct uuid *event_id)
{
	assert(event_ids != NULL || count == 0);
	for (uint32_t i = 0; i < count; i++)
		if (uuid_equal(&event_ids[i], event_id))
			return true;
	return false;
}

/* The last change of the place that is not older than `after`; 0: there is none. */
static uint64_t last_change(const struct memory_database *database, const struct seat_place *place, uint64_t after)
{
	assert(place != NULL);
	for (uint32_t i = database->seat_change_count; i-- > 0 && database->seat_changes[i].position >= after;) {
		const struct memory_seat_change *change = &database->seat_changes[i];
		if (uuid_equal(&change->event_id, &place->event_id) && seat_label_equal(&change->label, &place->label))
			return change->position;
	}
	return 0;
}

static bool gather(const struct memory_database *database, uint64_t after, const struct uuid *event_ids, uint32_t count,
                   struct arena *arena, struct seat_change_list *list)
{
	assert(arena != NULL && list->count == 0);
	list->changes = arena_allocate_array(arena, database->place_count, sizeof *list->changes);
	for (uint32_t i = 0; list->changes != NULL && i < database->place_count; i++) {
		const struct seat_place *place = &database->places[i];
		uint64_t changed_at = is_wanted(event_ids, count, &place->event_id) ? last_change(database, place, after) : 0;
		struct seat_change change = {.event_id = place->event_id, .position = i + 1, .changed_at = changed_at};
		if (changed_at != 0 && seat_at(database, place, &change.state) != NULL)
			list->changes[list->count++] = change;
	}
	return list->changes != NULL;
}

static enum store_result memory_poll(struct seat_feed *port, const struct seat_feed_cursor *after, const struct uuid *event_ids,
                                     uint32_t count, struct arena *arena, struct seat_feed_cursor *ret_cursor,
                                     struct seat_change_list *ret_list)
{
	assert(event_ids != NULL || count == 0);
	assert(arena != NULL && ret_cursor != NULL && ret_list != NULL);
	struct memory_database *database = database_of(port);
	struct seat_change_list list = {0};
	bool has_memory = true;
	pthread_mutex_lock(&database->lock);
	struct seat_feed_cursor cursor = {
		.position = database->change_count + 1,
		.epoch = 2 * database->epoch + database->is_replaying,
	};
	if (after != NULL && after->epoch == cursor.epoch)
		has_memory = gather(database, after->position, event_ids, count, arena, &list);
	pthread_mutex_unlock(&database->lock);
	if (!has_memory)
		return STORE_CORRUPT;
	*ret_cursor = cursor;
	*ret_list = list;
	return STORE_OK;
}

static bool copy_entry(const struct memory_database *database, const struct seat_place *place, struct arena *arena,
                       struct seat_entry_full *entry)
{
	assert(arena != NULL && entry != NULL);
	const struct seat *seat = seat_at(database, place, &entry->state);
	assert(seat != NULL);
	entry->price = seat->price;
	entry->seat = arena_copy(arena, seat_label_slice(&place->label));
	entry->section = place->section; /* those texts are never given back */
	entry->row = place->row;
	return entry->seat.data != NULL;
}

static bool read_part(const struct memory_database *database, const struct uuid *event_id, uint32_t skip, uint32_t limit,
                      struct arena *arena, struct seat_part *part)
{
	assert(part->entries == NULL && part->count == 0);
	part->entries = arena_allocate_array(arena, limit, sizeof *part->entries);
	bool has_memory = part->entries != NULL;
	for (uint32_t i = 0; has_memory && i < database->place_count; i++) {
		const struct seat_place *place = &database->places[i];
		if (!uuid_equal(&place->event_id, event_id))
			continue;
		if (part->seat_count == 0)
			part->first_position = i + 1;
		if (part->seat_count++ >= skip && part->count < limit)
			has_memory = copy_entry(database, place, arena, &part->entries[part->count++]);
	}
	return has_memory;
}

static enum store_result memory_seats_load(struct seat_feed *port, const struct uuid *event_id, uint32_t skip, uint32_t limit,
                                           struct arena *arena, struct seat_part *ret_part)
{
	assert(event_id != NULL && arena != NULL && ret_part != NULL);
	struct memory_database *database = database_of(port);
	struct seat_part part = {0};
	pthread_mutex_lock(&database->lock);
	bool has_memory = read_part(database, event_id, skip, limit, arena, &part);
	pthread_mutex_unlock(&database->lock);
	if (has_memory)
		*ret_part = part;
	return has_memory ? STORE_OK : STORE_CORRUPT;
}

static enum store_result memory_forget(struct seat_feed *port, uint64_t position)
{
	assert(port != NULL);
	struct memory_database *database = database_of(port);
	uint32_t kept = 0;
	pthread_mutex_lock(&database->lock);
	for (uint32_t i = 0; i < database->seat_change_count; i++)
		if (database->seat_changes[i].position >= position)
			database->seat_changes[kept++] = database->seat_changes[i];
	database->seat_change_count = kept;
	pthread_mutex_unlock(&database->lock);
	return STORE_OK;
}

static void memory_feed_free(struct seat_feed *port)
{
	assert(port != NULL);
	free(container_of(port, struct memory_seat_feed, port));
}

static const struct seat_feed_operations operations = {
	.poll = memory_poll,
	.load = memory_seats_load,
	.forget = memory_forget,
	.free = memory_feed_free,
};

enum error memory_seat_feed_new(struct memory_database *database, struct seat_feed **ret_feed)
{
	assert(ret_feed != NULL);
	assert(database != NULL);
	struct memory_seat_feed *feed = calloc(1, sizeof *feed);
	if (feed == NULL)
		return ERR_NO_MEMORY;
	feed->port = (struct seat_feed){.operations = &operations};
	feed->database = database;
	*ret_feed = &feed->port;
	return OK;
}
