/* verifier.c: two sorted lists of rows, side by side; the seat maps, which show what the rows do not have; and the catalog. */
#include "app/verifier.h"

#include <assert.h>
#include <string.h>

#include "app/catalog_rebuilder.h"
#include "app/catalog_sync.h"
#include "base/hlc.h"
#include "domain/sale.h"
#include "domain/seat.h"
#include "state/kinds.h"

#define PAGE_ROWS 1000
#define PAGE_ENTRIES 100
#define ARENA_BLOCK (256 * 1024)
#define ARENA_MAX (256 * 1024 * 1024)

/* The rows of a kind of one store, a page at a time. */
struct side {
	struct reader *reader;
	struct arena arena;
	const struct row **rows;
	uint32_t count, next;
	bool is_last;
};

/* Makes side->rows[side->next] the next row, if there is one. */
static enum error advance(struct side *side, enum row_kind kind)
{
	assert(kind < ROW_KEY);
	assert(side->next <= side->count);
	if (side->next < side->count || side->is_last)
		return OK;
	/* The last row is where the next page goes on: it is kept until that is read. */
	struct arena arena;
	arena_init(&arena, ARENA_BLOCK, ARENA_MAX);
	const struct row *after = side->count == 0 ? NULL : side->rows[side->count - 1];
	enum store_result result = side->reader->operations->scan(side->reader, kind, after, PAGE_ROWS, &arena, &side->rows, &side->count);
	arena_release(&side->arena);
	side->arena = arena;
	side->next = 0;
	side->is_last = result == STORE_OK && side->count < PAGE_ROWS;
	if (result != STORE_OK)
		side->count = 0;
	return error_of(result);
}

static const struct row *current(const struct side *side)
{
	assert(side->next <= side->count);
	return side->next < side->count ? side->rows[side->next] : NULL;
}

static void report(struct verify *verify, enum verify_finding finding, const struct row *row, const char *field)
{
	assert(row != NULL);
	assert((finding == VERIFY_DIFFERENT) == (field != NULL));
	verify->ret_differences++;
	verify->found(verify->context, finding, row, field);
}

/* Compares the two rows in front, and passes the one that comes first, or both. */
static void compare_one(struct verify *verify, struct side *store, struct side *scratch)
{
	assert(current(store) != NULL || current(scratch) != NULL);
	const struct row *is = current(store), *should = current(scratch);
	int order = is == NULL ? 1 : should == NULL ? -1 : row_key_compare(is, should);
	bool is_readable = order > 0 || is->version > 0;
	if (!is_readable)
		report(verify, VERIFY_UNREADABLE, order == 0 ? should : is, NULL);
	else if (order < 0)
		report(verify, VERIFY_EXTRA, is, NULL);
	else if (order > 0)
		report(verify, VERIFY_MISSING, should, NULL);
	const char *field = order == 0 && is_readable ? row_difference(is, should) : NULL;
	if (field != NULL)
		report(verify, VERIFY_DIFFERENT, should, field);
	store->next += order <= 0;
	scratch->next += order >= 0;
	verify->ret_rows++;
}

static enum error compare_kind(struct verify *verify, enum row_kind kind)
{
	assert(kind < ROW_KEY);
	struct side store = {.reader = verify->reader}, scratch = {.reader = verify->scratch_reader};
	arena_init(&store.arena, ARENA_BLOCK, ARENA_MAX);
	arena_init(&scratch.arena, ARENA_BLOCK, ARENA_MAX);
	enum error error;
	do {
		error = advance(&store, kind);
		if (error == OK)
			error = advance(&scratch, kind);
		if (error != OK || (current(&store) == NULL && current(&scratch) == NULL))
			break;
		compare_one(verify, &store, &scratch);
	} while (true);
	arena_release(&store.arena);
	arena_release(&scratch.arena);
	return error;
}

/* The seats of an event in their order, a page at a time. */
struct map {
	struct reader *reader;
	struct arena arena;
	struct seat_list list;
	uint64_t after;
};

static enum error map_advance(struct map *map, const struct uuid *event_id)
{
	assert(event_id != NULL);
	const struct seat_query query = {.event_id = *event_id, .after_position = map->after, .limit = PAGE_ROWS};
	arena_clear(&map->arena);
	enum error error = error_of(map->reader->operations->list_seats(map->reader, &query, &map->arena, &map->list));
	if (error == OK && map->list.count > 0)
		map->after = map->list.entries[map->list.count - 1].position;
	return error;
}

static const char *place_difference(const struct seat_entry *is, const struct seat_entry *should)
{
	assert(is != NULL && should != NULL);
	if (!slice_equal(is->seat, should->seat))
		return "place in the seat map";
	if (!slice_equal(is->section, should->section))
		return "section";
	return slice_equal(is->row, should->row) ? NULL : "row";
}

static void report_place(struct verify *verify, const struct uuid *event_id, const struct seat_entry *entry, const char *field)
{
	const struct seat seat = {.row.kind = ROW_SEAT, .event_id = *event_id, .label = seat_label_of(entry->seat)};
	report(verify, VERIFY_DIFFERENT, &seat.row, field);
}

/* Compares the two pages. False: they are out of step, and what follows would differ for that reason alone. */
static bool compare_places(struct verify *verify, const struct uuid *event_id, const struct map *store, const struct map *scratch)
{
	assert(event_id != NULL);
	uint32_t i = 0;
	for (; i < store->list.count && i < scratch->list.count; i++) {
		const struct seat_entry *is = &store->list.entries[i], *should = &scratch->list.entries[i];
		const char *field = place_difference(is, should);
		if (field != NULL)
			report_place(verify, event_id, should, field);
		if (!slice_equal(is->seat, should->seat))
			return false;
	}
	if (i < scratch->list.count) /* a page without the seat, though its row may be there: its place is where nobody looks */
		report_place(verify, event_id, &scratch->list.entries[i], "place in the seat map");
	return store->list.count == scratch->list.count;
}

/* A map with a seat that cannot be read is a difference of the sale. */
static enum error compare_map(struct verify *verify, const struct sale *sale)
{
	const struct uuid *event_id = &sale->event_id;
	assert(verify->scratch_reader != NULL);
	struct map store = {.reader = verify->reader}, scratch = {.reader = verify->scratch_reader};
	arena_init(&store.arena, ARENA_BLOCK, ARENA_MAX);
	arena_init(&scratch.arena, ARENA_BLOCK, ARENA_MAX);
	enum error error;
	do {
		error = map_advance(&store, event_id);
		if (error == ERR_CORRUPT) {
			report(verify, VERIFY_DIFFERENT, &sale->row, "seat map");
			error = OK;
			break;
		}
		if (error == OK)
			error = map_advance(&scratch, event_id);
	} while (error == OK && compare_places(verify, event_id, &store, &scratch) && scratch.list.count == PAGE_ROWS);
	arena_release(&store.arena);
	arena_release(&scratch.arena);
	return error;
}

/* A seat's section, row and place never change, so the rows that events are applied to go without them. */
static enum error compare_maps(struct verify *verify)
{
	assert(verify->scratch_reader != NULL);
	struct side sales = {.reader = verify->scratch_reader};
	arena_init(&sales.arena, ARENA_BLOCK, ARENA_MAX);
	enum error error;
	for (; (error = advance(&sales, ROW_SALE)) == OK && current(&sales) != NULL; sales.next++) {
		error = compare_map(verify, (const struct sale *)(const void *)current(&sales));
		if (error != OK)
			break;
	}
	arena_release(&sales.arena);
	return error;
}

/* The sale is read after the entry, which was made of it: it cannot be older. If it is newer the entry is on its way. */
static enum error compare_entry(struct verify *verify, const struct catalog_entry *entry, struct arena *arena)
{
	assert(entry != NULL);
	const struct row *row;
	struct catalog_entry made;
	enum store_result result = verify->reader->operations->find(verify->reader, ROW_SALE, &entry->event_id, arena, &row);
	if (result != STORE_OK)
		return error_of(result);
	const struct sale unknown = {.row.kind = ROW_SALE, .event_id = entry->event_id};
	bool is_right = row != NULL && row->version >= entry->version;
	if (is_right && row->version == entry->version) {
		enum error error = catalog_sync_entry(verify->reader, (const struct sale *)(const void *)row, arena, &made);
		if (error != OK)
			return error;
		is_right = catalog_entries_equal(entry, &made);
	}
	verify->ret_rows++;
	if (!is_right)
		report(verify, VERIFY_DIFFERENT, row == NULL ? &unknown.row : row, "its entry in the catalog");
	return OK;
}

/* Whether the list of what the catalog lacks has this sale: then its entry is on its way. */
static enum error is_listed(struct verify *verify, const struct uuid *event_id, struct arena *arena, bool *ret_is_listed)
{
	struct catalog_change_list list;
	struct uuid before = *event_id;
	for (size_t i = sizeof before.bytes; i > 0 && before.bytes[i - 1]-- == 0; i--)
		;
	enum store_result result = verify->reader->operations->list_catalog_changes(verify->reader, &before, 1, arena, &list);
	*ret_is_listed = result == STORE_OK && list.count == 1 && uuid_equal(&list.changes[0].event_id, event_id);
	return error_of(result);
}

/* An entry that is not there may have come between the two questions: it is looked for again. */
static enum error look_for_entry(struct verify *verify, const struct row *row, struct arena *arena)
{
	const struct uuid *event_id = &((const struct sale *)(const void *)row)->event_id;
	const struct catalog_entry *entry = NULL;
	bool is_on_its_way = false;
	for (uint32_t i = 0; i < 2 && entry == NULL && !is_on_its_way; i++) {
		if (verify->catalog->operations->find(verify->catalog, event_id, arena, &entry) != CATALOG_OK)
			return ERR_CATALOG_UNAVAILABLE;
		enum error error = entry == NULL ? is_listed(verify, event_id, arena, &is_on_its_way) : OK;
		if (error != OK)
			return error;
	}
	if (entry == NULL && !is_on_its_way)
		report(verify, VERIFY_DIFFERENT, row, "its entry in the catalog");
	return OK;
}

static enum error look_for_entries(struct verify *verify)
{
	struct side sales = {.reader = verify->reader};
	struct arena arena;
	enum error error;
	arena_init(&sales.arena, ARENA_BLOCK, ARENA_MAX);
	arena_init(&arena, ARENA_BLOCK, ARENA_MAX);
	while ((error = advance(&sales, ROW_SALE)) == OK && current(&sales) != NULL) {
		arena_clear(&arena);
		error = look_for_entry(verify, current(&sales), &arena);
		if (error != OK)
			break;
		sales.next++;
	}
	arena_release(&arena);
	arena_release(&sales.arena);
	return error;
}

static enum error compare_catalog(struct verify *verify)
{
	assert(verify->catalog != NULL);
	struct arena page, arena; /* of a page of entries, and of what one is compared with */
	struct catalog_list list;
	struct uuid last;
	enum error error = OK;
	bool is_first = true;
	arena_init(&page, ARENA_BLOCK, ARENA_MAX);
	arena_init(&arena, ARENA_BLOCK, ARENA_MAX);
	do {
		arena_clear(&page);
		if (verify->catalog->operations->list(verify->catalog, is_first ? NULL : &last, PAGE_ROWS, &page, &list) != CATALOG_OK)
			error = ERR_CATALOG_UNAVAILABLE;
		for (uint32_t i = 0; error == OK && i < list.count; i++) {
			arena_clear(&arena);
			last = list.entries[i].event_id;
			error = compare_entry(verify, &list.entries[i], &arena);
		}
		is_first = false;
	} while (error == OK && list.count == PAGE_ROWS);
	arena_release(&page);
	arena_release(&arena);
	return error;
}

/* Why the row cannot be right; NULL: it can. That an event waits no more leaves no trace: none is missed. */
static const char *entry_problem(const struct waiting_entry *entry)
{
	assert(entry->count == 0 || entry->events != NULL);
	if (entry->count == 0)
		return "it names no event";
	for (uint32_t i = 0; i < entry->count; i++) {
		const struct waiting_event *event = &entry->events[i];
		if (event->type == EVENT_NONE)
			return "it names an event that is not stored";
		if (!event_type_is_published(event->type))
			return "it names an event that is not published";
		if (outbox_partition(&event->stream_id) != entry->partition)
			return "it names an event of another partition";
		if (i > 0 && uuid_compare(&entry->events[i - 1].id, &event->id) >= 0)
			return "its events are not in their order";
	}
	return uuid_equal(&entry->id, &entry->events[0].id) ? NULL : "its id is not that of its first event";
}

static enum error check_outbox(struct verify *verify)
{
	assert(verify->found_waiting != NULL);
	struct waiting_entry last;
	struct waiting_list list;
	struct arena arena;
	enum error error = OK;
	arena_init(&arena, ARENA_BLOCK, ARENA_MAX);
	do {
		const struct waiting_entry *after = verify->ret_waiting == 0 ? NULL : &last;
		arena_clear(&arena);
		error = error_of(verify->reader->operations->list_outbox(verify->reader, after, PAGE_ENTRIES, &arena, &list));
		for (uint32_t i = 0; error == OK && i < list.count; i++) {
			const char *problem = entry_problem(&list.entries[i]);
			last = list.entries[i];
			verify->ret_waiting++;
			verify->ret_differences += problem != NULL;
			if (problem != NULL)
				verify->found_waiting(verify->context, &list.entries[i], problem);
		}
	} while (error == OK && list.count == PAGE_ENTRIES);
	arena_release(&arena);
	return error;
}

static enum error replay_up_to(struct verify *verify, struct replay *replay, const struct uuid *until)
{
	assert(until != NULL);
	replay->until = *until;
	enum error error = replay_events(replay);
	verify->ret_events = replay->ret_events;
	verify->ret_event = replay->ret_event;
	verify->ret_stream = replay->ret_stream;
	verify->ret_problem = replay->ret_problem;
	return error;
}

/* At one moment: replays the newest events, then compares everything. */
static enum error compare_all(struct verify *verify, struct replay *replay)
{
	assert(replay != NULL);
	enum error error = replay_up_to(verify, replay, &(struct uuid){0});
	for (enum row_kind kind = ROW_SALE; error == OK && kind < ROW_KEY; kind++)
		error = compare_kind(verify, kind);
	if (error == OK)
		error = compare_maps(verify);
	return error == OK && verify->found_waiting != NULL ? check_outbox(verify) : error;
}

enum error verify_store(struct verify *verify)
{
	assert(verify != NULL && verify->reader != NULL && verify->scratch != NULL && verify->found != NULL);
	struct replay replay = {.from = verify->reader, .to = verify->scratch, .progress = verify->progress, .context = verify->context};
	const struct uuid settled = uuid_v7(hlc_from_milliseconds(verify->settled_ms), 0, 0);
	verify->ret_rows = verify->ret_differences = verify->ret_waiting = 0;
	enum error error = verify->settled_ms > 0 ? replay_up_to(verify, &replay, &settled) : OK;
	if (error != OK)
		return error;
	if (verify->reader->operations->snapshot_begin(verify->reader) != STORE_OK)
		return ERR_STORE_UNAVAILABLE;
	error = compare_all(verify, &replay);
	verify->reader->operations->snapshot_end(verify->reader);
	if (error == OK && verify->catalog != NULL)
		error = compare_catalog(verify);
	if (error == OK && verify->catalog != NULL)
		error = look_for_entries(verify);
	return error;
}
