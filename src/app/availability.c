/* availability.c: has the store count, or reads the seats part by part and counts them in a table of sections. */
#include "app/availability.h"

#include <assert.h>

#include "base/hash.h"
#include "base/hash_table.h"
#include "base/list.h"

#define SECTIONS_EXPECTED 256
#define PART_BLOCK ((size_t)256 * 1024)
#define PART_MAX ((size_t)64 * 1024 * 1024)

struct section {
	struct hash_node node;
	struct list_node order;
	struct section_count count;
};

struct tally {
	struct arena *arena;
	struct hash_table table;
	struct list sections;
	struct section *last; /* seats of a section mostly stand together */
};

/* Names of sections are the organiser's, who is trusted. */
static uint64_t hash_of(struct slice name)
{
	assert(name.data != NULL || name.length == 0);
	static const struct hash_seed seed = {.k0 = UINT64_C(0x73656374696f6e73), .k1 = UINT64_C(0x636f756e74656400)};
	return hash_bytes(&seed, name.data, name.length);
}

static struct section *find(struct tally *tally, struct slice name)
{
	assert(tally->arena != NULL);
	if (tally->last != NULL && slice_equal(tally->last->count.name, name))
		return tally->last;
	uint64_t hash = hash_of(name);
	for (struct hash_node *node = hash_table_first(&tally->table, hash); node != NULL; node = hash_table_next(node)) {
		struct section *section = container_of(node, struct section, node);
		if (slice_equal(section->count.name, name))
			return section;
	}
	struct section *section = arena_allocate_array(tally->arena, 1, sizeof *section);
	if (section == NULL)
		return NULL;
	section->count.name = arena_copy(tally->arena, name);
	if (section->count.name.data == NULL)
		return NULL;
	hash_table_put(&tally->table, &section->node, hash);
	hash_table_grow(&tally->table);
	list_push(&tally->sections, &section->order);
	return section;
}

static bool count(struct tally *tally, const struct seat_list *list)
{
	assert(list->entries != NULL || list->count == 0);
	for (uint32_t i = 0; i < list->count; i++) {
		const struct seat_entry *entry = &list->entries[i];
		struct section *section = find(tally, entry->section);
		if (section == NULL)
			return false;
		tally->last = section;
		section->count.total++;
		if (entry->status != SEAT_AVAILABLE)
			continue;
		if (section->count.available++ == 0 || entry->price < section->count.price_from)
			section->count.price_from = entry->price;
	}
	return true;
}

static enum error count_parts(struct tally *tally, struct reader *reader, const struct uuid *event_id, uint64_t now_ms)
{
	assert(event_id != NULL);
	struct seat_query query = {.event_id = *event_id, .limit = SEATS_LOOKED_AT_MAX, .now_ms = now_ms};
	enum error error;
	do {
		struct arena part;
		struct seat_list list = {0};
		arena_init(&part, PART_BLOCK, PART_MAX);
		error = error_of(reader->operations->list_seats(reader, &query, &part, &list));
		if (error == OK && !count(tally, &list))
			error = ERR_NO_MEMORY;
		query.after_position = list.next_position;
		arena_release(&part);
	} while (error == OK && query.after_position != 0);
	return error;
}

void availability_write_counts(struct json_writer *writer, uint32_t total, uint32_t available, int64_t price_from)
{
	assert(writer != NULL && available <= total);
	json_writer_uint(writer, "total", total);
	json_writer_uint(writer, "available", available);
	if (available > 0)
		json_writer_int(writer, "price_from", price_from);
	else
		json_writer_null(writer, "price_from");
}

static void write_section(struct json_writer *writer, const struct section_count *section)
{
	assert(section->total > 0);
	json_writer_object_begin(writer, NULL);
	json_writer_string_or_null(writer, "section", section->name);
	availability_write_counts(writer, section->total, section->available, section->price_from);
	json_writer_object_end(writer);
}

static struct json_writer begin_sections(struct buffer *body)
{
	struct json_writer writer = json_writer_on(body);
	json_writer_object_begin(&writer, NULL);
	json_writer_array_begin(&writer, "data");
	return writer;
}

static void end_sections(struct json_writer *writer)
{
	json_writer_array_end(writer);
	json_writer_object_end(writer);
}

static enum error write_parts(struct reader *reader, const struct uuid *event_id, uint64_t now_ms, struct arena *arena, struct buffer *body)
{
	assert(reader->operations->list_seats != NULL);
	struct tally tally = {.arena = arena};
	enum error error = hash_table_init(SECTIONS_EXPECTED, &tally.table);
	if (error != OK)
		return error;
	list_init(&tally.sections);
	error = count_parts(&tally, reader, event_id, now_ms);
	hash_table_release(&tally.table);
	if (error != OK)
		return error;
	struct json_writer writer = begin_sections(body);
	list_for_each(node, &tally.sections)
		write_section(&writer, &container_of(node, const struct section, order)->count);
	end_sections(&writer);
	return OK;
}

enum error availability_write(struct reader *reader, const struct uuid *event_id, uint64_t now_ms, struct arena *arena, struct buffer *body)
{
	assert(reader != NULL && event_id != NULL && arena != NULL && body != NULL);

	if (reader->operations->count_seats == NULL)
		return write_parts(reader, event_id, now_ms, arena, body);
	struct section_count_list list;
	enum error error = error_of(reader->operations->count_seats(reader, event_id, now_ms, arena, &list));
	if (error != OK)
		return error;
	struct json_writer writer = begin_sections(body);
	for (uint32_t i = 0; i < list.count; i++)
		write_section(&writer, &list.sections[i]);
	end_sections(&writer);
	return OK;
}
