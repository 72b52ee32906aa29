/* seat_maps.c: the table of maps, its bound, and those who ask. */
#include "app/seat_maps.h"

#include <assert.h>
#include <stdlib.h>

#include "app/seat_maps_inside.h"
#include "base/hlc.h"

#define MAPS_EXPECTED 64
#define LOADING_MAX 256 /* entries that wait to be loaded: beyond it the store is asked at once */

enum error seat_maps_new(const struct seat_maps_options *options, struct seat_maps **ret_maps)
{
	assert(ret_maps != NULL);
	assert(options != NULL && options->feed != NULL && options->clock != NULL && options->wake != NULL);

	struct seat_maps *maps = calloc(1, sizeof *maps);
	if (maps == NULL)
		return ERR_NO_MEMORY;
	enum error error = hash_table_init(MAPS_EXPECTED, &maps->table);
	if (error != OK) {
		free(maps);
		return error;
	}
	maps->options = *options;
	/* Ids of events are known to everybody, and organisers are trusted: the address is secret enough. */
	maps->seed = (struct hash_seed){.k0 = (uint64_t)(uintptr_t)maps, .k1 = clock_monotonic_ns(options->clock)};
	pthread_mutex_init(&maps->lock, NULL);
	pthread_mutex_init(&maps->hot_lock, NULL);
	list_init(&maps->recency);
	arena_init(&maps->arena, (size_t)256 * 1024, (size_t)1 << 30);
	*ret_maps = maps;
	return OK;
}

void seat_maps_give_back(struct seat_maps_entry *entry)
{
	if (entry == NULL || atomic_fetch_sub_explicit(&entry->references, 1, memory_order_acq_rel) > 1)
		return;
	seat_pages_release(&entry->pages);
	seat_map_release(&entry->map);
	pthread_mutex_destroy(&entry->lock);
	free(entry);
}

void seat_maps_tell(struct list *waits, bool is_unknown)
{
	assert(waits != NULL);
	for (struct list_node *node = list_pop(waits); node != NULL; node = list_pop(waits)) {
		struct seat_maps_wait *wait = container_of(node, struct seat_maps_wait, node);
		wait->is_unknown = is_unknown;
		wait->ready(wait); /* and it is gone */
	}
}

void seat_maps_drop(struct seat_maps *maps, struct seat_maps_entry *entry, struct list *ret_waits)
{
	assert(ret_waits != NULL);
	assert(!entry->is_dropped);
	maps->loading -= entry->state == SEAT_MAPS_WANTED || entry->state == SEAT_MAPS_FILLING;
	entry->is_dropped = true;
	hash_table_remove(&maps->table, &entry->node);
	list_remove(&entry->recency);
	list_splice(ret_waits, &entry->waits);
	atomic_fetch_add_explicit(&maps->dropped, 1, memory_order_relaxed);
	pthread_mutex_lock(&entry->lock);
	atomic_fetch_sub_explicit(&maps->bytes, entry->counted, memory_order_relaxed);
	entry->counted = 0;
	pthread_mutex_unlock(&entry->lock);
	seat_maps_give_back(entry);
}

void seat_maps_drop_all(struct seat_maps *maps, bool is_last)
{
	assert(maps != NULL);
	struct list waits;
	list_init(&waits);
	pthread_mutex_lock(&maps->lock);
	while (!list_is_empty(&maps->recency))
		seat_maps_drop(maps, container_of(maps->recency.head.next, struct seat_maps_entry, recency), &waits);
	maps->is_stopped = is_last;
	pthread_mutex_unlock(&maps->lock);
	seat_maps_tell(&waits, false);
}

void seat_maps_stop(struct seat_maps *maps)
{
	if (maps != NULL)
		seat_maps_drop_all(maps, true);
}

void seat_maps_free(struct seat_maps *maps)
{
	if (maps == NULL)
		return;
	seat_maps_stop(maps);
	hash_table_release(&maps->table);
	arena_release(&maps->arena);
	pthread_mutex_destroy(&maps->hot_lock);
	pthread_mutex_destroy(&maps->lock);
	free(maps);
}

/* With maps->lock held. */
static struct seat_maps_entry *look_up(const struct seat_maps *maps, const struct uuid *event_id, uint64_t hash)
{
	assert(event_id != NULL);
	for (struct hash_node *node = hash_table_first(&maps->table, hash); node != NULL; node = hash_table_next(node)) {
		struct seat_maps_entry *entry = container_of(node, struct seat_maps_entry, node);
		if (uuid_equal(&entry->event_id, event_id))
			return entry;
	}
	return NULL;
}

/* With maps->lock held. A reference. */
static struct seat_maps_entry *take(struct seat_maps *maps, struct seat_maps_entry *entry, bool is_use)
{
	assert(entry != NULL && !entry->is_dropped);
	if (is_use) {
		list_remove(&entry->recency);
		list_push(&maps->recency, &entry->recency);
	}
	atomic_fetch_add_explicit(&entry->references, 1, memory_order_relaxed);
	return entry;
}

struct seat_maps_entry *seat_maps_go_to(struct seat_maps *maps, struct seat_maps_entry *entry, const struct uuid *event_id, bool is_use)
{
	assert(maps != NULL && event_id != NULL);
	uint64_t hash = hash_bytes(&maps->seed, event_id->bytes, sizeof event_id->bytes);
	seat_maps_leave(entry);
	pthread_mutex_lock(&maps->lock);
	struct seat_maps_entry *next = look_up(maps, event_id, hash);
	if (next != NULL)
		(void)take(maps, next, is_use);
	pthread_mutex_unlock(&maps->lock);
	if (next != NULL)
		pthread_mutex_lock(&next->lock);
	return next;
}

void seat_maps_leave(struct seat_maps_entry *entry)
{
	if (entry == NULL)
		return;
	pthread_mutex_unlock(&entry->lock);
	seat_maps_give_back(entry);
}

void seat_maps_count(struct seat_maps *maps, struct seat_maps_entry *entry)
{
	assert(maps != NULL && entry != NULL);
	size_t bytes = entry->map.bytes + entry->pages.bytes;
	atomic_fetch_add_explicit(&maps->bytes, bytes - entry->counted, memory_order_relaxed);
	entry->counted = bytes;
}

void seat_maps_shrink(struct seat_maps *maps, const struct seat_maps_entry *keep)
{
	assert(maps != NULL);
	struct list waits;
	if (atomic_load_explicit(&maps->bytes, memory_order_relaxed) <= maps->options.bytes_max)
		return;
	list_init(&waits);
	pthread_mutex_lock(&maps->lock);
	for (struct list_node *node = maps->recency.head.next, *next; node != &maps->recency.head; node = next) {
		struct seat_maps_entry *entry = container_of(node, struct seat_maps_entry, recency);
		next = node->next;
		if (atomic_load_explicit(&maps->bytes, memory_order_relaxed) <= maps->options.bytes_max)
			break;
		if (entry != keep && (entry->state == SEAT_MAPS_READY || entry->state == SEAT_MAPS_REFUSED))
			seat_maps_drop(maps, entry, &waits);
	}
	pthread_mutex_unlock(&maps->lock);
	assert(list_is_empty(&waits));
}

/* With maps->lock held. An entry that is to be loaded; NULL: too many are, or there is no memory. */
static struct seat_maps_entry *want(struct seat_maps *maps, const struct uuid *event_id, uint64_t hash)
{
	assert(event_id != NULL && !maps->is_stopped);
	struct seat_maps_entry *entry = maps->loading < LOADING_MAX ? calloc(1, sizeof *entry) : NULL;
	if (entry == NULL)
		return NULL;
	entry->event_id = *event_id;
	entry->counted = sizeof *entry;
	entry->wanted_ns = clock_monotonic_ns(maps->options.clock);
	atomic_init(&entry->references, 1);
	list_init(&entry->waits);
	pthread_mutex_init(&entry->lock, NULL);
	hash_table_put(&maps->table, &entry->node, hash);
	hash_table_grow(&maps->table);
	list_push(&maps->recency, &entry->recency);
	atomic_fetch_add_explicit(&maps->bytes, entry->counted, memory_order_relaxed);
	maps->loading++;
	return entry;
}

/* The entry with a reference, or what is to be done without it: SEAT_MAPS_PAGE says that there is one. */
static enum seat_maps_answer take_or_want(struct seat_maps *maps, const struct uuid *event_id, uint64_t now_ns, struct seat_maps_wait *wait,
                                          struct seat_maps_entry **ret_entry)
{
	assert(wait != NULL && ret_entry != NULL);
	uint64_t hash = hash_bytes(&maps->seed, event_id->bytes, sizeof event_id->bytes);
	enum seat_maps_answer answer = SEAT_MAPS_PAGE;
	bool is_new = false;
	pthread_mutex_lock(&maps->lock);
	struct seat_maps_entry *entry = look_up(maps, event_id, hash);
	if (entry == NULL && !wait->is_over && !maps->is_stopped) {
		entry = want(maps, event_id, hash);
		is_new = entry != NULL;
	}
	if (maps->is_stopped) {
		answer = SEAT_MAPS_STOPPED;
	} else if (entry == NULL) {
		answer = wait->is_unknown ? SEAT_MAPS_UNKNOWN_EVENT : SEAT_MAPS_STALE;
	} else if (entry->state == SEAT_MAPS_REFUSED) {
		answer = SEAT_MAPS_TOO_LARGE;
	} else if (entry->state != SEAT_MAPS_READY) {
		bool has_waited = wait->is_over || now_ns > entry->wanted_ns + SEAT_MAPS_WAIT_NS;
		answer = has_waited ? SEAT_MAPS_STALE : SEAT_MAPS_LOADING;
		if (answer == SEAT_MAPS_LOADING)
			list_push(&entry->waits, &wait->node);
	} else {
		*ret_entry = take(maps, entry, true);
	}
	if (answer == SEAT_MAPS_LOADING)
		wait->is_over = true;
	pthread_mutex_unlock(&maps->lock);
	if (is_new)
		maps->options.wake(maps->options.context);
	return answer;
}

static bool is_fresh(const struct seat_maps *maps, uint64_t now_ns)
{
	assert(maps != NULL);
	uint64_t fresh_ns = atomic_load_explicit(&maps->fresh_ns, memory_order_acquire);
	return fresh_ns != 0 && now_ns < fresh_ns + SEAT_MAPS_FRESH_NS;
}

bool seat_maps_are_fresh(const struct seat_maps *maps)
{
	assert(maps != NULL);
	return is_fresh(maps, clock_monotonic_ns(maps->options.clock));
}

/* Whether all that has changed since the query's version can be told. Another server may be a little ahead; a version that nobody can have
 * been told is of a store that has since gone back, and the commits behind it are lost. */
static bool knows_version(const struct seat_maps *maps, const struct seat_map *map, const struct seat_page_query *query)
{
	assert(seat_map_is_loaded(map));
	static const uint64_t ahead_max = 100000; /* commits of two seconds, generously */
	if (query->kind != SEAT_PAGE_CHANGES)
		return true;
	if (query->since > atomic_load_explicit(&maps->lost_after, memory_order_acquire) &&
	    query->since <= atomic_load_explicit(&maps->lost_until, memory_order_acquire))
		return false;
	if (query->since < map->base)
		return false;
	return maps->options.is_alone ? query->since <= map->position || query->since <= seat_maps_version(maps) ||
	                                        query->since <= atomic_load_explicit(&maps->told, memory_order_relaxed)
	                              : query->since <= map->position + ahead_max;
}

/* With the lock of its entry held. */
static void note_told(struct seat_maps *maps, uint64_t version)
{
	assert(maps != NULL);
	uint64_t told = atomic_load_explicit(&maps->told, memory_order_relaxed);
	while (told < version &&
	       !atomic_compare_exchange_weak_explicit(&maps->told, &told, version, memory_order_relaxed, memory_order_relaxed))
		;
}

enum seat_maps_answer seat_maps_ask(struct seat_maps *maps, const struct uuid *event_id, const struct seat_page_query *query,
                                    bool is_compressed, struct seat_maps_wait *wait, struct seat_page **ret_page)
{
	assert(event_id != NULL && ret_page != NULL);
	assert(maps != NULL && query != NULL && wait != NULL && (wait->ready != NULL || wait->is_over));

	struct seat_maps_entry *entry = NULL;
	uint64_t now_ns = clock_monotonic_ns(maps->options.clock);
	enum seat_maps_answer answer = take_or_want(maps, event_id, now_ns, wait, &entry);
	if (answer == SEAT_MAPS_PAGE && !is_fresh(maps, now_ns))
		answer = SEAT_MAPS_STALE;
	if (answer == SEAT_MAPS_PAGE) {
		pthread_mutex_lock(&entry->lock);
		seat_map_lapse(&entry->map, clock_now_ms(maps->options.clock));
		if (!knows_version(maps, &entry->map, query)) {
			answer = SEAT_MAPS_UNKNOWN_VERSION;
		} else {
			*ret_page = seat_pages_find(&entry->pages, &entry->map, query, is_compressed, now_ns);
			answer = *ret_page == NULL ? SEAT_MAPS_NO_MEMORY : SEAT_MAPS_PAGE;
			note_told(maps, entry->map.position);
			if (entry->counted > 0)
				seat_maps_count(maps, entry);
		}
		pthread_mutex_unlock(&entry->lock);
		seat_maps_shrink(maps, entry);
	}
	if (entry != NULL)
		seat_maps_give_back(entry);
	if (answer == SEAT_MAPS_PAGE)
		atomic_fetch_add_explicit(&maps->from_memory, 1, memory_order_relaxed);
	else if (answer == SEAT_MAPS_STALE || answer == SEAT_MAPS_TOO_LARGE)
		atomic_fetch_add_explicit(&maps->from_store, 1, memory_order_relaxed);
	return answer;
}

uint64_t seat_maps_version(const struct seat_maps *maps)
{
	assert(maps != NULL);
	return atomic_load_explicit(&maps->position, memory_order_acquire);
}

void seat_maps_note_lag(const struct seat_maps *maps, uint64_t version, uint64_t now_ms)
{
	assert(maps != NULL);
	uint64_t decided_ms = hlc_milliseconds(version);
	if (maps->options.lagged != NULL)
		maps->options.lagged(maps->options.context, now_ms > decided_ms ? now_ms - decided_ms : 0);
}

static void apply_seat(struct seat_maps *maps, struct seat_maps_entry *entry, const struct seat *seat, uint64_t now_ms)
{
	assert(seat->row.kind == ROW_SEAT);
	/* The seat's row has no deadline: until the feed has brought one, the seat does not lapse. */
	const struct seat_state state = {.status = seat->status, .version = seat->row.version};
	bool has_map = entry->map.seat_count > 0;
	uint32_t index = has_map ? seat_map_find(&entry->map, seat_label_slice(&seat->label)) : UINT32_MAX;
	if (index != UINT32_MAX && seat_map_apply(&entry->map, index, &state, entry->map.position, now_ms))
		seat_maps_note_lag(maps, state.version, now_ms);
}

void seat_maps_committed(struct seat_maps *maps, const struct changes *changes)
{
	assert(maps != NULL && changes != NULL);

	struct seat_maps_entry *entry = NULL;
	const struct uuid *event_id = NULL;
	uint64_t now_ms = clock_now_ms(maps->options.clock);
	for (uint32_t i = 0; i < changes->row_count; i++) {
		if (changes->rows[i]->kind != ROW_SEAT)
			continue;
		const struct seat *seat = container_of(changes->rows[i], const struct seat, row);
		if (event_id == NULL || !uuid_equal(event_id, &seat->event_id)) {
			event_id = &seat->event_id;
			entry = seat_maps_go_to(maps, entry, event_id, true);
		}
		if (entry != NULL)
			apply_seat(maps, entry, seat, now_ms);
	}
	seat_maps_leave(entry);
}

void seat_maps_status(struct seat_maps *maps, struct seat_maps_status *ret_status)
{
	assert(maps != NULL && ret_status != NULL);
	pthread_mutex_lock(&maps->lock);
	uint64_t count = maps->table.count;
	pthread_mutex_unlock(&maps->lock);
	*ret_status = (struct seat_maps_status){
		.maps = count,
		.bytes = atomic_load_explicit(&maps->bytes, memory_order_relaxed),
		.from_memory = atomic_load_explicit(&maps->from_memory, memory_order_relaxed),
		.from_store = atomic_load_explicit(&maps->from_store, memory_order_relaxed),
		.loads = atomic_load_explicit(&maps->loads, memory_order_relaxed),
		.dropped = atomic_load_explicit(&maps->dropped, memory_order_relaxed),
		.failed_polls = atomic_load_explicit(&maps->failed_polls, memory_order_relaxed),
	};
}

bool seat_maps_sold_value(struct seat_maps *maps, const struct uuid *event_id, int64_t *ret_value)
{
	assert(maps != NULL && event_id != NULL && ret_value != NULL);
	struct seat_maps_entry *entry = seat_maps_go_to(maps, NULL, event_id, false);
	bool is_known = entry != NULL && seat_map_is_loaded(&entry->map) && entry->map.seat_count > 0 &&
	                is_fresh(maps, clock_monotonic_ns(maps->options.clock));
	if (is_known)
		*ret_value = seat_map_sold_value(&entry->map);
	seat_maps_leave(entry);
	return is_known;
}
