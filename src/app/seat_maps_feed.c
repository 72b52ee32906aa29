/* seat_maps_feed.c: a step of the worker: it reads the changes, loads the maps that are asked for, and drops those that nobody asks for.
 *
 * A map is loaded in parts, with the feed read between them, so that a large event makes no other wait. Its base is the feed's position
 * before the load: a change during the load is either in a part that is read later, or comes with the feed. */
#include <assert.h>

#include "app/seat_maps.h"
#include "app/seat_maps_inside.h"

#define POLL_MS 50 /* between two readings of the feed */
#define POLL_NS UINT64_C(1000000) * POLL_MS
#define FAILED_MS 100 /* before it is tried again */
#define IDLE_MS 5000  /* without a map */
#define CALL_NS UINT64_C(1000000000)
#define LOAD_NS UINT64_C(50000000) /* maps are loaded for so long between two readings */
#define PART 8192                  /* seats */
/* Changes are given up a minute after they were made. A process that has not read the feed for half of that may have missed some. */
#define MARK_NS UINT64_C(10000000000)
#define GIVE_UP_NS UINT64_C(60000000000)
#define MISSED_NS UINT64_C(30000000000)

static uint64_t now_ns(const struct seat_maps *maps)
{
	assert(maps != NULL);
	return clock_monotonic_ns(maps->options.clock);
}

static void drop_one(struct seat_maps *maps, struct seat_maps_entry *entry, bool is_unknown)
{
	assert(entry != NULL);
	struct list waits;
	list_init(&waits);
	pthread_mutex_lock(&maps->lock);
	if (!entry->is_dropped)
		seat_maps_drop(maps, entry, &waits);
	pthread_mutex_unlock(&maps->lock);
	seat_maps_tell(&waits, is_unknown);
}

/* The events whose maps are there or being filled, in the arena; NULL: it is full. */
static struct uuid *list_events(struct seat_maps *maps, uint32_t *ret_count)
{
	assert(ret_count != NULL);
	uint32_t count = 0;
	pthread_mutex_lock(&maps->lock);
	struct uuid *ids = arena_allocate_array(&maps->arena, maps->table.count, sizeof *ids);
	for (struct list_node *node = maps->recency.head.previous; ids != NULL && node != &maps->recency.head; node = node->previous) {
		const struct seat_maps_entry *entry = container_of(node, const struct seat_maps_entry, recency);
		if (entry->state == SEAT_MAPS_FILLING || entry->state == SEAT_MAPS_READY)
			ids[count++] = entry->event_id;
	}
	pthread_mutex_unlock(&maps->lock);
	*ret_count = count;
	return ids;
}

static void apply_change(struct seat_maps *maps, struct seat_maps_entry *entry, const struct seat_change *change, uint64_t now_ms)
{
	assert(uuid_equal(&change->event_id, &entry->event_id));
	struct seat_map *map = &entry->map;
	if (change->position < map->first_position || change->position - map->first_position >= map->seat_count)
		return;
	uint32_t index = (uint32_t)(change->position - map->first_position);
	if (seat_map_apply(map, index, &change->state, change->changed_at, now_ms))
		seat_maps_note_lag(maps, change->state.version, now_ms);
}

static void apply_changes(struct seat_maps *maps, const struct seat_change_list *list)
{
	assert(list->changes != NULL || list->count == 0);
	struct seat_maps_entry *entry = NULL;
	uint64_t now_ms = clock_now_ms(maps->options.clock);
	for (uint32_t i = 0; i < list->count; i++) {
		const struct seat_change *change = &list->changes[i];
		if (i == 0 || !uuid_equal(&change->event_id, &list->changes[i - 1].event_id))
			entry = seat_maps_go_to(maps, entry, &change->event_id, false);
		if (entry != NULL)
			apply_change(maps, entry, change, now_ms);
	}
	seat_maps_leave(entry);
}

/* Every map that the feed was read for has all that is before the position, and shows what has lapsed. */
static void advance(struct seat_maps *maps, const struct uuid *event_ids, uint32_t count)
{
	assert(event_ids != NULL || count == 0);
	uint64_t now_ms = clock_now_ms(maps->options.clock);
	struct seat_maps_entry *entry = NULL;
	for (uint32_t i = 0; i < count; i++) {
		entry = seat_maps_go_to(maps, entry, &event_ids[i], false);
		if (entry == NULL)
			continue;
		if (entry->map.position < maps->cursor.position)
			entry->map.position = maps->cursor.position;
		seat_map_lapse(&entry->map, now_ms);
	}
	seat_maps_leave(entry);
	atomic_store_explicit(&maps->position, maps->cursor.position, memory_order_release);
}

/* Clients with the version of a lost commit have to begin anew, and so do those with the same version of a new commit: nobody can tell them
 * apart. */
static void note_lost(struct seat_maps *maps, uint64_t position)
{
	assert(position < maps->cursor.position);
	uint64_t until = atomic_load_explicit(&maps->lost_until, memory_order_relaxed);
	uint64_t after = atomic_load_explicit(&maps->lost_after, memory_order_relaxed);
	uint64_t told = atomic_load_explicit(&maps->told, memory_order_relaxed);
	uint64_t newest = told > maps->cursor.position ? told : maps->cursor.position;
	atomic_store_explicit(&maps->lost_after, until > 0 && after < position ? after : position, memory_order_release);
	atomic_store_explicit(&maps->lost_until, newest > until ? newest : until, memory_order_release);
	atomic_store_explicit(&maps->told, position, memory_order_relaxed);
}

/* False: the feed does not answer. */
static bool poll_feed(struct seat_maps *maps)
{
	assert(maps->options.feed != NULL);
	struct seat_feed *feed = maps->options.feed;
	struct seat_feed_cursor cursor;
	struct seat_change_list list;
	uint32_t count;
	arena_clear(&maps->arena);
	uint64_t began_ns = now_ns(maps), fresh_ns = atomic_load_explicit(&maps->fresh_ns, memory_order_relaxed);
	/* The store may have forgotten changes so old, or there may be too many of them to be read in time. */
	bool is_late = maps->has_cursor && began_ns - fresh_ns > MISSED_NS;
	const struct seat_feed_cursor *after = maps->has_cursor && !is_late ? &maps->cursor : NULL;
	struct uuid *event_ids = list_events(maps, &count);
	feed->deadline_ns = began_ns + CALL_NS;
	if (event_ids == NULL || feed->operations->poll(feed, after, event_ids, count, &maps->arena, &cursor, &list) != STORE_OK)
		return false;
	/* A store that stands where it stood before has lost commits: it is a restored one, or a standby that lacked them. */
	bool is_back = maps->has_cursor && (cursor.epoch != maps->cursor.epoch || cursor.position < maps->cursor.position);
	bool has_missed = is_late || is_back;
	if (is_back && cursor.position < maps->cursor.position)
		note_lost(maps, cursor.position);
	if (has_missed)
		seat_maps_drop_all(maps, false);
	else
		apply_changes(maps, &list);
	maps->cursor = cursor;
	maps->has_cursor = true;
	advance(maps, event_ids, has_missed ? 0 : count);
	atomic_store_explicit(&maps->fresh_ns, began_ns, memory_order_release);
	return true;
}

/* The entry that waits the longest to be loaded, with a reference; NULL: none does. */
static struct seat_maps_entry *next_wanted(struct seat_maps *maps)
{
	assert(maps != NULL);
	struct seat_maps_entry *found = NULL;
	pthread_mutex_lock(&maps->lock);
	for (struct list_node *node = maps->recency.head.next; found == NULL && maps->loading > 0 && node != &maps->recency.head;
	     node = node->next) {
		struct seat_maps_entry *entry = container_of(node, struct seat_maps_entry, recency);
		if (entry->state == SEAT_MAPS_WANTED || entry->state == SEAT_MAPS_FILLING)
			found = entry;
	}
	if (found != NULL)
		atomic_fetch_add_explicit(&found->references, 1, memory_order_relaxed);
	pthread_mutex_unlock(&maps->lock);
	return found;
}

/* Those who wait are told to ask again. */
static void change_state(struct seat_maps *maps, struct seat_maps_entry *entry, enum seat_maps_state state)
{
	assert(state != SEAT_MAPS_WANTED);
	struct list waits;
	list_init(&waits);
	pthread_mutex_lock(&maps->lock);
	bool was_loading = entry->state == SEAT_MAPS_WANTED || entry->state == SEAT_MAPS_FILLING;
	bool is_loading = state == SEAT_MAPS_FILLING;
	if (!entry->is_dropped)
		maps->loading -= was_loading && !is_loading;
	entry->state = state;
	if (!is_loading)
		list_splice(&waits, &entry->waits);
	pthread_mutex_unlock(&maps->lock);
	seat_maps_tell(&waits, false);
}

/* Requests that wait behind the loading of a large map are sent to the store in time. */
static void tell_late(struct seat_maps *maps)
{
	assert(maps != NULL);
	struct list waits;
	list_init(&waits);
	uint64_t moment_ns = now_ns(maps);
	pthread_mutex_lock(&maps->lock);
	for (struct list_node *node = maps->recency.head.next; maps->loading > 0 && node != &maps->recency.head; node = node->next) {
		struct seat_maps_entry *entry = container_of(node, struct seat_maps_entry, recency);
		if (moment_ns > entry->wanted_ns + SEAT_MAPS_WAIT_NS)
			list_splice(&waits, &entry->waits);
	}
	pthread_mutex_unlock(&maps->lock);
	seat_maps_tell(&waits, false);
}

static bool is_too_large(const struct seat_maps *maps, const struct seat_part *part)
{
	assert(part->seat_count > 0);
	/* A map without room for its pages would be made again and again. */
	return seat_map_size(part->seat_count) > maps->options.bytes_max / 4 * 3;
}

/* With entry->lock held. */
static enum error begin_map(struct seat_maps *maps, struct seat_maps_entry *entry, const struct seat_part *part)
{
	assert(entry->map.seat_count == 0);
	enum error error = seat_map_init(&entry->map, &entry->event_id, part, maps->cursor.position);
	if (error == OK)
		error = seat_pages_init(&entry->pages, entry->map.bytes * 2 + (size_t)1024 * 1024);
	return error;
}

static enum error add_part(struct seat_maps *maps, struct seat_maps_entry *entry, const struct seat_part *part)
{
	assert(part->seat_count > 0 && part->count > 0);
	enum error error = OK;
	pthread_mutex_lock(&entry->lock);
	if (entry->map.seat_count == 0)
		error = begin_map(maps, entry, part);
	if (error == OK)
		error = seat_map_add(&entry->map, part, clock_now_ms(maps->options.clock));
	if (error == OK && entry->counted > 0)
		seat_maps_count(maps, entry);
	entry->seen = entry->loaded_revision = entry->map.revision;
	bool is_loaded = error == OK && seat_map_is_loaded(&entry->map);
	pthread_mutex_unlock(&entry->lock);
	if (error != OK)
		change_state(maps, entry, SEAT_MAPS_REFUSED);
	else
		change_state(maps, entry, is_loaded ? SEAT_MAPS_READY : SEAT_MAPS_FILLING);
	return error;
}

/* Reads the next part of an entry. False: the feed does not answer. */
static bool load_part(struct seat_maps *maps, struct seat_maps_entry *entry)
{
	assert(entry->map.seat_count == 0 || !seat_map_is_loaded(&entry->map));
	struct seat_feed *feed = maps->options.feed;
	struct seat_part part;
	uint32_t skip = entry->map.loaded; /* which only this thread changes */
	arena_clear(&maps->arena);
	feed->deadline_ns = now_ns(maps) + CALL_NS;
	enum store_result result = feed->operations->load(feed, &entry->event_id, skip, PART, &maps->arena, &part);
	if (result != STORE_OK && result != STORE_CORRUPT) {
		drop_one(maps, entry, false);
		return false;
	}
	bool is_odd = result == STORE_CORRUPT || (part.seat_count > 0 && part.count == 0);
	if (result == STORE_OK && part.seat_count == 0)
		drop_one(maps, entry, true);
	else if (is_odd || is_too_large(maps, &part) || add_part(maps, entry, &part) != OK)
		change_state(maps, entry, SEAT_MAPS_REFUSED);
	else
		atomic_fetch_add_explicit(&maps->loads, seat_map_is_loaded(&entry->map), memory_order_relaxed);
	seat_maps_shrink(maps, entry);
	return true;
}

/* False: the feed does not answer. */
static bool load_wanted(struct seat_maps *maps)
{
	assert(maps != NULL);
	uint64_t until_ns = now_ns(maps) + LOAD_NS;
	bool is_up = true;
	while (is_up && now_ns(maps) < until_ns) {
		struct seat_maps_entry *entry = next_wanted(maps);
		if (entry == NULL)
			break;
		is_up = load_part(maps, entry);
		seat_maps_give_back(entry);
		tell_late(maps);
	}
	return is_up;
}

static void give_up_old(struct seat_maps *maps)
{
	assert(maps->mark_count <= SEAT_MAPS_MARKS);
	uint64_t moment_ns = now_ns(maps);
	struct seat_feed *feed = maps->options.feed;
	if (moment_ns < maps->next_mark_ns)
		return;
	maps->next_mark_ns = moment_ns + MARK_NS;
	if (maps->mark_count == SEAT_MAPS_MARKS) {
		feed->deadline_ns = moment_ns + CALL_NS;
		(void)feed->operations->forget(feed, maps->marks[0].position); /* the next step forgets the rest */
		maps->mark_count--;
		memmove(&maps->marks[0], &maps->marks[1], maps->mark_count * sizeof maps->marks[0]);
	}
	maps->marks[maps->mark_count++] = (struct seat_maps_mark){.position = maps->cursor.position, .monotonic_ns = moment_ns};
}

_Static_assert(SEAT_MAPS_MARKS *MARK_NS > GIVE_UP_NS, "the oldest mark is as old as that");

static void fail_wanted(struct seat_maps *maps)
{
	assert(maps != NULL);
	for (struct seat_maps_entry *entry = next_wanted(maps); entry != NULL; entry = next_wanted(maps)) {
		drop_one(maps, entry, false);
		seat_maps_give_back(entry);
	}
}

uint64_t seat_maps_step(void *context)
{
	assert(context != NULL);
	struct seat_maps *maps = context;
	uint64_t fresh_ns = atomic_load_explicit(&maps->fresh_ns, memory_order_relaxed);
	bool is_due = !maps->has_cursor || now_ns(maps) - fresh_ns >= POLL_NS;
	bool is_up = !is_due || poll_feed(maps);
	if (is_up)
		is_up = load_wanted(maps);
	if (!is_up) {
		atomic_fetch_add_explicit(&maps->failed_polls, 1, memory_order_relaxed);
		fail_wanted(maps);
		return FAILED_MS;
	}
	give_up_old(maps);
	seat_maps_find_hot(maps);
	pthread_mutex_lock(&maps->lock);
	bool has_maps = maps->table.count > 0, has_work = maps->loading > 0;
	pthread_mutex_unlock(&maps->lock);
	return has_work ? 0 : has_maps ? POLL_MS : IDLE_MS;
}
