/* seat_map.h: the seats of one event in memory: its layout, which never changes, and who may have each seat now.
 *
 * The layout is JSON already, so that a page is copied together. The state is two bits a seat. A map knows when each seat changed, so that
 * it can tell what changed since a version. Loaded part by part; news of a seat that is not loaded yet is remembered as a change. Knows no
 * threads: the caller locks. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "ports/seat_feed.h"

#define SEAT_MAP_SECTIONS_MAX 1000 /* of a map; an event with more is not kept in memory */
#define SEAT_MAP_GROUPS_MAX 4000
#define SEAT_MAP_SIZE_MIN ((size_t)32 * 1024) /* bytes that a map counts at least, so that there are never very many */
#define SEAT_MAP_BLOCK 256                    /* seats that share a note of when the last of them changed */

/* Seats of one section with one price. */
struct seat_group {
	uint32_t section; /* index */
	uint32_t available;
	int64_t price;
};

struct seat_section {
	struct slice name; /* JSON: a quoted string, or null */
	uint32_t total;
};

struct seat_block {
	uint64_t revision;         /* of the map when one of its seats changed last */
	uint64_t changed_at;       /* the greatest of its seats' */
	uint64_t next_deadline_ms; /* no seat of the block lapses before; UINT64_MAX: none does */
};

/* For readers; written by the functions below. */
struct seat_map {
	struct uuid event_id;
	uint64_t first_position;
	uint32_t seat_count;
	uint32_t loaded;   /* seats of which the layout is there */
	uint64_t base;     /* changes of commits from this position on are known */
	uint64_t position; /* every commit before it is in */
	uint64_t revision; /* counts changes that can be seen */
	uint64_t notes;    /* counts changes of changed_at */
	uint64_t next_deadline_ms;
	struct buffer text; /* of all seats: JSON up to the status: {"seat":"A-1-1",…,"status": */
	uint32_t *ends;     /* of each seat's text */
	uint64_t *statuses; /* two bits a seat: enum seat_status less one, as seen now */
	uint64_t *versions;
	uint64_t *changed_at;
	uint64_t *deadlines_ms;
	uint32_t *groups;
	uint32_t *slots; /* of the labels' hashes: index plus one; 0: free */
	uint32_t slot_count;
	struct seat_block *blocks;
	struct seat_group *group_list;
	uint32_t group_count, group_capacity;
	struct seat_section *sections;
	uint32_t section_count, section_capacity;
	struct buffer scratch;
	size_t bytes; /* that the map takes */
};

/* An empty map of the event as its first part says; base: the position of the feed before that was read. ERR_NO_MEMORY. */
must_check enum error seat_map_init(struct seat_map *map, const struct uuid *event_id, const struct seat_part *part, uint64_t base);
/* Takes one that is all zero. */
void seat_map_release(struct seat_map *map);

/* The next seats, behind the last that were added. ERR_NO_MEMORY (also when there are too many sections or
 * prices); ERR_CORRUPT: there are more than the event has. */
must_check enum error seat_map_add(struct seat_map *map, const struct seat_part *part, uint64_t now_ms);
/* Bytes that a map of so many seats takes, about. */
size_t seat_map_size(uint32_t seat_count);

/* A seat is as a commit has left it, unless the map knows a later version. True: that is news. */
bool seat_map_apply(struct seat_map *map, uint32_t index, const struct seat_state *state, uint64_t changed_at, uint64_t now_ms);
/* The index of the seat; UINT32_MAX: there is no such seat, or it is not loaded. */
uint32_t seat_map_find(const struct seat_map *map, struct slice label);
/* Seats whose hold or order has lapsed by now are available. */
void seat_map_lapse(struct seat_map *map, uint64_t now_ms);

static inline enum seat_status seat_map_status(const struct seat_map *map, uint32_t index)
{
	return (enum seat_status)((map->statuses[index / 32] >> (index % 32 * 2) & 3) + 1);
}

/* The number of seats of each status, as of the last seat_map_lapse: counts[status - 1]. */
#define SEAT_STATUSES 4
void seat_map_count(const struct seat_map *map, uint32_t counts[static SEAT_STATUSES]);
/* The sum of the sold seats' prices, in minor units of the event's currency. */
int64_t seat_map_sold_value(const struct seat_map *map);

static inline struct slice seat_map_text(const struct seat_map *map, uint32_t index)
{
	uint32_t begin = index == 0 ? 0 : map->ends[index - 1];
	return (struct slice){.data = map->text.data + begin, .length = map->ends[index] - begin};
}

static inline bool seat_map_is_loaded(const struct seat_map *map)
{
	return map->loaded == map->seat_count;
}
