/* seat_map.c: see seat_map.h. A seat's state is changed by one function, which keeps the counts. */
#include "app/seat_map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json_writer.h"

#define SEAT_TEXT_ABOUT 88                         /* bytes */
#define SEAT_TEXT_MAX ((size_t)4095 * 1024 * 1024) /* the largest offset that an end can hold */
#define SCRATCH_MAX 65536
#define LABEL_OFFSET (sizeof "{\"seat\":" - 1)
#define LABEL_JSON_MAX (6 * SEAT_LABEL_LENGTH_MAX + 2)

/* Labels are the organiser's own: nobody else can make chains long, and a bad one makes but this map slow. */
static const struct hash_seed label_seed = {.k0 = UINT64_C(0x736561742d6d6170), .k1 = UINT64_C(0x6c6162656c730000)};

static uint32_t block_count(uint32_t seat_count)
{
	return (seat_count + SEAT_MAP_BLOCK - 1) / SEAT_MAP_BLOCK;
}

static uint32_t slot_count(uint32_t seat_count)
{
	uint32_t count = 16;
	while (count < 2 * seat_count)
		count *= 2;
	return count;
}

size_t seat_map_size(uint32_t seat_count)
{
	size_t each = SEAT_TEXT_ABOUT + 2 * sizeof(uint32_t) + 3 * sizeof(uint64_t);
	size_t size = sizeof(struct seat_map) + seat_count * each + seat_count / 4 + block_count(seat_count) * sizeof(struct seat_block) +
	              slot_count(seat_count) * sizeof(uint32_t);
	return size < SEAT_MAP_SIZE_MIN ? SEAT_MAP_SIZE_MIN : size;
}

enum error seat_map_init(struct seat_map *map, const struct uuid *event_id, const struct seat_part *part, uint64_t base)
{
	assert(map != NULL && event_id != NULL && part != NULL);
	assert(part->seat_count > 0);

	uint32_t count = part->seat_count;
	*map = (struct seat_map){
		.event_id = *event_id,
		.first_position = part->first_position,
		.seat_count = count,
		.base = base,
		.position = base,
		.next_deadline_ms = UINT64_MAX,
		.ends = calloc(count, sizeof(uint32_t)),
		.statuses = calloc((count + 31) / 32, sizeof(uint64_t)),
		.versions = calloc(count, sizeof(uint64_t)),
		.changed_at = calloc(count, sizeof(uint64_t)),
		.deadlines_ms = calloc(count, sizeof(uint64_t)),
		.groups = calloc(count, sizeof(uint32_t)),
		.slot_count = slot_count(count),
		.blocks = calloc(block_count(count), sizeof(struct seat_block)),
		.bytes = seat_map_size(count),
	};
	map->slots = calloc(map->slot_count, sizeof(uint32_t));
	buffer_init(&map->text, NULL, SEAT_TEXT_MAX);
	buffer_init(&map->scratch, NULL, SCRATCH_MAX);
	if (map->ends == NULL || map->statuses == NULL || map->versions == NULL || map->changed_at == NULL || map->deadlines_ms == NULL ||
	    map->groups == NULL || map->blocks == NULL || map->slots == NULL) {
		seat_map_release(map);
		return ERR_NO_MEMORY;
	}
	for (uint32_t i = 0; i < block_count(count); i++)
		map->blocks[i].next_deadline_ms = UINT64_MAX;
	return OK;
}

void seat_map_release(struct seat_map *map)
{
	assert(map != NULL);
	for (uint32_t i = 0; i < map->section_count; i++)
		free((char *)map->sections[i].name.data);
	buffer_release(&map->text);
	buffer_release(&map->scratch);
	free(map->ends);
	free(map->statuses);
	free(map->versions);
	free(map->changed_at);
	free(map->deadlines_ms);
	free(map->groups);
	free(map->slots);
	free(map->blocks);
	free(map->group_list);
	free(map->sections);
	*map = (struct seat_map){0};
}

/* Room for one more member of an array that doubles. False: out of memory. */
static bool grow(void **array, uint32_t count, uint32_t *capacity, size_t size)
{
	assert(count <= *capacity);
	if (count < *capacity)
		return true;
	uint32_t larger = *capacity == 0 ? 8 : *capacity * 2;
	void *grown = realloc(*array, larger * size);
	if (grown == NULL)
		return false;
	*array = grown;
	*capacity = larger;
	return true;
}

/* The index of the section with that name, which is added when it is new. Seats of a section mostly stand together: the last is tried
 * first. */
static bool find_section(struct seat_map *map, struct slice name, uint32_t *ret_index)
{
	assert(ret_index != NULL);
	struct json_writer writer = json_writer_on(&map->scratch);
	buffer_clear(&map->scratch);
	json_writer_string_or_null(&writer, NULL, name);
	struct slice text = buffer_slice(&map->scratch);
	for (uint32_t i = map->section_count; !map->scratch.failed && i-- > 0;) {
		if (slice_equal(map->sections[i].name, text)) {
			*ret_index = i;
			return true;
		}
	}
	void *array = map->sections;
	bool has_room = !map->scratch.failed && map->section_count < SEAT_MAP_SECTIONS_MAX &&
	                grow(&array, map->section_count, &map->section_capacity, sizeof *map->sections);
	map->sections = array;
	char *copy = has_room ? malloc(text.length) : NULL;
	if (copy == NULL)
		return false;
	memcpy(copy, text.data, text.length);
	*ret_index = map->section_count++;
	map->sections[*ret_index] = (struct seat_section){.name = {.data = copy, .length = text.length}};
	return true;
}

static bool find_group(struct seat_map *map, uint32_t section, int64_t price, uint32_t *ret_index)
{
	assert(section < map->section_count && ret_index != NULL);
	for (uint32_t i = map->group_count; i-- > 0;) {
		if (map->group_list[i].section == section && map->group_list[i].price == price) {
			*ret_index = i;
			return true;
		}
	}
	void *array = map->group_list;
	if (map->group_count == SEAT_MAP_GROUPS_MAX || !grow(&array, map->group_count, &map->group_capacity, sizeof *map->group_list))
		return false;
	map->group_list = array;
	*ret_index = map->group_count++;
	map->group_list[*ret_index] = (struct seat_group){.section = section, .price = price};
	return true;
}

/* The label as it stands in the text, with its quotes. */
static struct slice label_of(const struct seat_map *map, uint32_t index, size_t length)
{
	assert(index <= map->loaded && index < map->seat_count);
	struct slice text = seat_map_text(map, index);
	size_t left = text.length - LABEL_OFFSET;
	return (struct slice){.data = text.data + LABEL_OFFSET, .length = length < left ? length : left};
}

static void put_slot(struct seat_map *map, uint32_t index, struct slice label)
{
	assert(label.data != NULL && index < map->seat_count);
	uint64_t slot = hash_bytes(&label_seed, label.data, label.length);
	while (map->slots[slot % map->slot_count] != 0)
		slot++;
	map->slots[slot % map->slot_count] = index + 1;
}

uint32_t seat_map_find(const struct seat_map *map, struct slice label)
{
	assert(label.length <= SEAT_LABEL_LENGTH_MAX);
	char storage[LABEL_JSON_MAX];
	struct buffer json = {.data = storage, .capacity = sizeof storage, .maximum = sizeof storage};
	struct json_writer writer = json_writer_on(&json);
	json_writer_string(&writer, NULL, label);
	struct slice wanted = buffer_slice(&json);
	assert(!json.failed);
	for (uint64_t slot = hash_bytes(&label_seed, wanted.data, wanted.length);; slot++) {
		uint32_t entry = map->slots[slot % map->slot_count];
		if (entry == 0)
			return UINT32_MAX;
		if (slice_equal(label_of(map, entry - 1, wanted.length), wanted))
			return entry - 1;
	}
}

static enum seat_status status_at(const struct seat_state *state, uint64_t now_ms)
{
	assert(state != NULL);
	bool is_lapsed = state->status != SEAT_AVAILABLE && state->deadline_ms != 0 && state->deadline_ms <= now_ms;
	return is_lapsed ? SEAT_AVAILABLE : state->status;
}

/* Makes the seat look like that, in the state and the counts. */
static void show(struct seat_map *map, uint32_t index, enum seat_status status)
{
	assert(index < map->loaded);
	assert(status >= SEAT_AVAILABLE && status <= SEAT_SOLD);
	enum seat_status before = seat_map_status(map, index);
	struct seat_group *group = &map->group_list[map->groups[index]];
	if (before == status)
		return;
	uint64_t *word = &map->statuses[index / 32];
	unsigned shift = index % 32 * 2;
	*word = (*word & ~(UINT64_C(3) << shift)) | (uint64_t)(status - 1) << shift;
	assert(before != SEAT_AVAILABLE || group->available > 0);
	if (before == SEAT_AVAILABLE)
		group->available--;
	else if (status == SEAT_AVAILABLE)
		group->available++;
	map->blocks[index / SEAT_MAP_BLOCK].revision = ++map->revision;
}

static void note_change(struct seat_map *map, uint32_t index, uint64_t changed_at)
{
	assert(index < map->seat_count);
	struct seat_block *block = &map->blocks[index / SEAT_MAP_BLOCK];
	if (map->changed_at[index] < changed_at) {
		map->changed_at[index] = changed_at;
		map->notes++;
	}
	if (block->changed_at < changed_at)
		block->changed_at = changed_at;
}

static void note_deadline(struct seat_map *map, uint32_t index, const struct seat_state *state, uint64_t now_ms)
{
	assert(index < map->loaded);
	struct seat_block *block = &map->blocks[index / SEAT_MAP_BLOCK];
	map->deadlines_ms[index] = state->status == SEAT_AVAILABLE ? 0 : state->deadline_ms;
	uint64_t deadline_ms = map->deadlines_ms[index];
	if (deadline_ms == 0 || deadline_ms <= now_ms)
		return;
	if (deadline_ms < block->next_deadline_ms)
		block->next_deadline_ms = deadline_ms;
	if (deadline_ms < map->next_deadline_ms)
		map->next_deadline_ms = deadline_ms;
}

bool seat_map_apply(struct seat_map *map, uint32_t index, const struct seat_state *state, uint64_t changed_at, uint64_t now_ms)
{
	assert(index < map->seat_count);
	assert(state->status >= SEAT_AVAILABLE && state->status <= SEAT_SOLD);

	note_change(map, index, changed_at);
	if (index >= map->loaded || state->version < map->versions[index])
		return false;
	bool is_news = state->version > map->versions[index];
	if (!is_news && state->deadline_ms == 0)
		return false; /* told again by a commit, which does not know how long the seat is held */
	map->versions[index] = state->version;
	note_deadline(map, index, state, now_ms);
	show(map, index, status_at(state, now_ms));
	return is_news;
}

static enum error add(struct seat_map *map, const struct seat_entry_full *entry, uint64_t now_ms)
{
	assert(map->loaded < map->seat_count);
	uint32_t index = map->loaded, section, group;
	struct json_writer writer = json_writer_on(&map->text);
	json_writer_object_begin(&writer, NULL);
	json_writer_string(&writer, "seat", entry->seat);
	size_t label_end = map->text.length;
	json_writer_string_or_null(&writer, "section", entry->section);
	json_writer_string_or_null(&writer, "row", entry->row);
	json_writer_int(&writer, "price", entry->price);
	json_writer_raw(&writer, "status", (struct slice){.data = "", .length = 0});
	if (map->text.failed || !find_section(map, entry->section, &section) || !find_group(map, section, entry->price, &group))
		return ERR_NO_MEMORY;
	map->ends[index] = (uint32_t)map->text.length;
	map->groups[index] = group;
	map->sections[section].total++;
	map->group_list[group].available++; /* the zero that is in the state now */
	size_t begin = index == 0 ? 0 : map->ends[index - 1];
	put_slot(map, index, label_of(map, index, label_end - begin - LABEL_OFFSET));
	map->loaded++;
	(void)seat_map_apply(map, index, &entry->state, 0, now_ms);
	return OK;
}

enum error seat_map_add(struct seat_map *map, const struct seat_part *part, uint64_t now_ms)
{
	assert(map != NULL && part != NULL);

	if (part->seat_count != map->seat_count || part->count > map->seat_count - map->loaded)
		return ERR_CORRUPT;
	enum error error = OK;
	for (uint32_t i = 0; error == OK && i < part->count; i++)
		error = add(map, &part->entries[i], now_ms);
	return error;
}

/* Shows what has lapsed in the block and finds its next deadline. */
static void lapse_block(struct seat_map *map, uint32_t number, uint64_t now_ms)
{
	assert(number < block_count(map->seat_count));
	struct seat_block *block = &map->blocks[number];
	uint32_t begin = number * SEAT_MAP_BLOCK, end = begin + SEAT_MAP_BLOCK < map->loaded ? begin + SEAT_MAP_BLOCK : map->loaded;
	block->next_deadline_ms = UINT64_MAX;
	for (uint32_t i = begin; i < end; i++) {
		uint64_t deadline_ms = map->deadlines_ms[i];
		if (deadline_ms == 0 || seat_map_status(map, i) == SEAT_AVAILABLE)
			continue;
		if (deadline_ms <= now_ms) {
			note_change(map, i, map->position);
			show(map, i, SEAT_AVAILABLE);
		} else if (deadline_ms < block->next_deadline_ms) {
			block->next_deadline_ms = deadline_ms;
		}
	}
}

void seat_map_lapse(struct seat_map *map, uint64_t now_ms)
{
	assert(map != NULL);
	if (now_ms < map->next_deadline_ms)
		return;
	map->next_deadline_ms = UINT64_MAX;
	for (uint32_t i = 0; i < block_count(map->seat_count); i++) {
		if (map->blocks[i].next_deadline_ms <= now_ms)
			lapse_block(map, i, now_ms);
		if (map->blocks[i].next_deadline_ms < map->next_deadline_ms)
			map->next_deadline_ms = map->blocks[i].next_deadline_ms;
	}
}

/* Two bits a seat: 0 available, 1 held, 2 reserved, 3 sold. Those behind the last seat are 0. */
void seat_map_count(const struct seat_map *map, uint32_t counts[static SEAT_STATUSES])
{
	static const uint64_t low_bits = UINT64_C(0x5555555555555555);
	static_assert(SEAT_AVAILABLE == 1 && SEAT_SOLD == SEAT_STATUSES, "a status less one is two bits");
	assert(map != NULL);
	uint32_t held = 0, reserved = 0, sold = 0;
	for (uint32_t i = 0; i < (map->loaded + 31) / 32; i++) {
		uint64_t low = map->statuses[i] & low_bits, high = map->statuses[i] >> 1 & low_bits;
		held += (uint32_t)__builtin_popcountll(low & ~high);
		reserved += (uint32_t)__builtin_popcountll(high & ~low);
		sold += (uint32_t)__builtin_popcountll(high & low);
	}
	counts[SEAT_HELD - 1] = held;
	counts[SEAT_RESERVED - 1] = reserved;
	counts[SEAT_SOLD - 1] = sold;
	counts[SEAT_AVAILABLE - 1] = map->loaded - held - reserved - sold;
}

int64_t seat_map_sold_value(const struct seat_map *map)
{
	assert(map != NULL);
	int64_t value = 0;
	for (uint32_t i = 0; i < map->loaded; i++)
		if (seat_map_status(map, i) == SEAT_SOLD)
			value += map->group_list[map->groups[i]].price;
	return value;
}
