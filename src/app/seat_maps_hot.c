/* seat_maps_hot.c: once a second the worker finds the events with the most changes and loads their maps before a client asks. */
#include <assert.h>
#include <string.h>

#include "app/seat_maps.h"
#include "app/seat_maps_inside.h"

#define HOT_NS UINT64_C(1000000000)
#define LOOKED_AT_MAX 256 /* maps, those used last: an event that changes is used */

/* References to the maps that were used last. */
static uint32_t take_latest(struct seat_maps *maps, struct seat_maps_entry *entries[static LOOKED_AT_MAX])
{
	uint32_t count = 0;
	pthread_mutex_lock(&maps->lock);
	for (struct list_node *node = maps->recency.head.previous; node != &maps->recency.head && count < LOOKED_AT_MAX;
	     node = node->previous) {
		struct seat_maps_entry *entry = container_of(node, struct seat_maps_entry, recency);
		if (entry->state != SEAT_MAPS_READY)
			continue;
		atomic_fetch_add_explicit(&entry->references, 1, memory_order_relaxed);
		entries[count++] = entry;
	}
	pthread_mutex_unlock(&maps->lock);
	return count;
}

/* Half of what it was, and what has come since. */
static void warm(struct seat_maps_entry *entry)
{
	pthread_mutex_lock(&entry->lock);
	uint64_t revision = entry->map.revision;
	pthread_mutex_unlock(&entry->lock);
	assert(revision >= entry->seen);
	entry->heat = entry->heat / 2 + (revision - entry->seen) * 1024; /* so that a change is told for ten seconds */
	entry->seen = revision;
}

static struct seat_maps_event describe(struct seat_maps_entry *entry, uint64_t now_ms)
{
	struct seat_maps_event event = {.event_id = entry->event_id};
	pthread_mutex_lock(&entry->lock);
	seat_map_lapse(&entry->map, now_ms);
	seat_map_count(&entry->map, event.seats);
	event.changes = entry->map.revision - entry->loaded_revision;
	pthread_mutex_unlock(&entry->lock);
	return event;
}

/* Moves the hottest to the front; of two that are as hot the one used last comes first. */
static void sort(struct seat_maps_entry **entries, uint32_t count, uint32_t wanted)
{
	for (uint32_t i = 0; i < wanted; i++) {
		uint32_t hottest = i;
		for (uint32_t j = i + 1; j < count; j++)
			if (entries[j]->heat > entries[hottest]->heat)
				hottest = j;
		struct seat_maps_entry *entry = entries[hottest];
		memmove(&entries[i + 1], &entries[i], (hottest - i) * sizeof *entries);
		entries[i] = entry;
	}
}

void seat_maps_find_hot(struct seat_maps *maps)
{
	assert(maps != NULL);
	struct seat_maps_entry *entries[LOOKED_AT_MAX];
	struct seat_maps_event events[SEAT_MAPS_EVENTS_MAX];
	uint64_t now_ns = clock_monotonic_ns(maps->options.clock);
	if (now_ns < maps->next_hot_ns)
		return;
	maps->next_hot_ns = now_ns + HOT_NS;
	uint32_t count = take_latest(maps, entries);
	for (uint32_t i = 0; i < count; i++)
		warm(entries[i]);
	uint32_t wanted = count < SEAT_MAPS_EVENTS_MAX ? count : SEAT_MAPS_EVENTS_MAX;
	sort(entries, count, wanted);
	uint64_t now_ms = clock_now_ms(maps->options.clock);
	for (uint32_t i = 0; i < wanted; i++)
		events[i] = describe(entries[i], now_ms);
	for (uint32_t i = 0; i < count; i++)
		seat_maps_give_back(entries[i]);
	pthread_mutex_lock(&maps->hot_lock);
	memcpy(maps->hot, events, wanted * sizeof *events);
	maps->hot_count = wanted;
	pthread_mutex_unlock(&maps->hot_lock);
}

uint32_t seat_maps_events(struct seat_maps *maps, struct seat_maps_event events[static SEAT_MAPS_EVENTS_MAX])
{
	assert(maps != NULL);
	pthread_mutex_lock(&maps->hot_lock);
	uint32_t count = maps->hot_count;
	memcpy(events, maps->hot, count * sizeof *events);
	pthread_mutex_unlock(&maps->hot_lock);
	return count;
}
