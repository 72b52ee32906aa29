/* catalog_sync.c: takes the changes of sales one after the other; the failure of one does not stop the next. */
#include "app/catalog_sync.h"

#include <assert.h>

#include "base/arena.h"
#include "base/list.h"
#include "codec/event_json.h"

#define PAGE 256 /* changes of one call: the caller has other work, too */
#define PAGE_BLOCK (16 * 1024)
#define PAGE_MAX (1024 * 1024)
#define RETRY_NS UINT64_C(60000000000) /* before an event that could not be placed is tried again */
#define EVENT_BLOCK (16 * 1024)
#define EVENT_MAX (512 * 1024 * 1024) /* an event of a million listed seats is read with its layout */

/* The event as it was made: the details in the first domain event of its stream. *ret_event has type EVENT_NONE when there is none. */
static enum error read_created(struct reader *reader, const struct uuid *event_id, struct arena *arena, struct event *ret_event)
{
	assert(reader != NULL && event_id != NULL);
	assert(ret_event != NULL);
	struct event_list list;
	enum error error = error_of(reader->operations->list_history(reader, event_id, 0, 1, arena, &list));
	if (error != OK)
		return error;
	if (list.count == 0 || list.records[0].type != EVENT_SALE_CREATED)
		return ERR_CORRUPT;
	struct event event = {
		.id = list.records[0].id,
		.type = list.records[0].type,
		.stream_id = list.records[0].stream_id,
		.sequence = list.records[0].sequence,
		.occurred_at_ms = list.records[0].occurred_at_ms,
	};
	error = event_data_read(list.records[0].data, arena, &event);
	if (error == OK)
		*ret_event = event;
	return error;
}

enum error catalog_sync_entry(struct reader *reader, const struct sale *sale, struct arena *arena, struct catalog_entry *ret_entry)
{
	assert(reader != NULL && sale != NULL && arena != NULL);
	struct event created;
	enum error error = read_created(reader, &sale->event_id, arena, &created);
	if (error != OK)
		return error;
	*ret_entry = (struct catalog_entry){
		.event_id = sale->event_id,
		.details = created.details,
		.status = sale->status,
		.currency = sale->currency,
		.on_sale_from_ms = sale->on_sale_from_ms,
		.on_sale_until_ms = sale->on_sale_until_ms,
		.seat_count = sale->seat_count,
		.created_at_ms = created.created_at_ms,
		.version = sale->row.version,
	};
	return OK;
}

static enum error put_sale(struct reader *reader, struct catalog *catalog, const struct sale *sale, struct arena *arena)
{
	assert(sale->row.version != 0);
	struct catalog_entry entry;
	enum error error = catalog_sync_entry(reader, sale, arena, &entry);
	if (error != OK)
		return error;
	return catalog->operations->put(catalog, &entry) == CATALOG_OK ? OK : ERR_CATALOG_UNAVAILABLE;
}

/* The change of what was placed is not listed any more. If dropping it fails it is found there again and placed again, which changes
 * nothing. */
enum error catalog_sync_event(struct reader *reader, struct catalog *catalog, const struct uuid *event_id)
{
	assert(reader != NULL && catalog != NULL);
	assert(event_id != NULL);

	struct arena arena;
	arena_init(&arena, EVENT_BLOCK, EVENT_MAX);
	const struct row *row;
	struct catalog_change change = {.event_id = *event_id};
	enum error error = error_of(reader->operations->find(reader, ROW_SALE, event_id, &arena, &row));
	if (error == OK && row != NULL) {
		change.version = row->version;
		error = put_sale(reader, catalog, container_of(row, const struct sale, row), &arena);
	}
	arena_release(&arena);
	if (error == OK && change.version > 0)
		(void)reader->operations->drop_catalog_change(reader, &change);
	return error;
}

/* The place of a change that could not be made; NULL: it is not among those. */
static struct catalog_change *refused(struct catalog_sync *sync, const struct uuid *event_id)
{
	assert(sync != NULL && event_id != NULL);
	for (uint32_t i = 0; i < sync->refused_count; i++)
		if (uuid_equal(&sync->refused[i].event_id, event_id))
			return &sync->refused[i];
	return NULL;
}

static void refuse(struct catalog_sync *sync, const struct catalog_change *change)
{
	assert(change != NULL);
	struct catalog_change *known = refused(sync, &change->event_id);
	if (known != NULL)
		*known = *change;
	else if (sync->refused_count < CATALOG_SYNC_REFUSED_MAX)
		sync->refused[sync->refused_count++] = *change;
	sync->last_refused = change->event_id;
}

static enum error place(struct catalog_sync *sync, const struct catalog_change *change)
{
	assert(change != NULL);
	struct catalog_change *known = refused(sync, &change->event_id);
	if (known != NULL && known->version == change->version)
		return OK; /* not before its time */
	enum error error = catalog_sync_event(sync->reader, sync->catalog, &change->event_id);
	if (error == ERR_STORE_UNAVAILABLE || error == ERR_CATALOG_UNAVAILABLE)
		return error;
	if (error != OK)
		refuse(sync, change);
	else if (known != NULL)
		*known = sync->refused[--sync->refused_count];
	return OK;
}

static enum error place_page(struct catalog_sync *sync, struct arena *arena)
{
	assert(sync->catalog != NULL && sync->reader != NULL);
	struct catalog_change_list list;
	const struct uuid *after = sync->has_more ? &sync->after : NULL;
	enum error error = error_of(sync->reader->operations->list_catalog_changes(sync->reader, after, PAGE, arena, &list));
	for (uint32_t i = 0; error == OK && i < list.count; i++) {
		error = place(sync, &list.changes[i]);
		sync->after = list.changes[i].event_id;
	}
	if (error == OK)
		sync->has_more = list.count == PAGE;
	return error;
}

enum error catalog_sync_changes(struct catalog_sync *sync, uint64_t monotonic_ns)
{
	assert(sync != NULL && sync->reader != NULL && sync->catalog != NULL);

	if (!sync->has_more && monotonic_ns >= sync->retry_at_ns) {
		sync->refused_count = 0;
		sync->retry_at_ns = monotonic_ns + RETRY_NS;
	}
	struct arena arena;
	arena_init(&arena, PAGE_BLOCK, PAGE_MAX);
	enum error error = place_page(sync, &arena);
	arena_release(&arena);
	return error;
}
