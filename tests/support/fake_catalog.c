/* fake_catalog.c: a sorted array behind a mutex. */
#include "tests/support/fake_catalog.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/list.h"

#include "base/word_search.h"

static struct fake_catalog *self_of(struct catalog *catalog)
{
	return container_of(catalog, struct fake_catalog, base);
}

/* Where the id is or belongs. */
static uint32_t position_of(const struct fake_catalog *self, const struct uuid *event_id)
{
	uint32_t position = 0;
	while (position < self->count && uuid_compare(&self->entries[position].event_id, event_id) < 0)
		position++;
	return position;
}

static struct slice keep(struct slice text)
{
	char *copy = malloc(text.length + 1);
	assert(copy != NULL);
	if (text.length > 0)
		memcpy(copy, text.data, text.length);
	copy[text.length] = '\0';
	return (struct slice){.data = copy, .length = text.length};
}

static void drop_texts(struct catalog_entry *entry)
{
	free((char *)entry->details.name.data);
	free((char *)entry->details.venue.data);
	free((char *)entry->details.description.data);
}

static void put_locked(struct fake_catalog *self, const struct catalog_entry *entry)
{
	uint32_t position = position_of(self, &entry->event_id);
	struct catalog_entry *place = &self->entries[position];
	bool is_known = position < self->count && uuid_equal(&place->event_id, &entry->event_id);
	if (is_known && place->version >= entry->version)
		return;
	if (is_known) {
		drop_texts(place);
	} else {
		assert(self->count < FAKE_CATALOG_MAX);
		memmove(place + 1, place, (self->count - position) * sizeof *place);
		self->count++;
	}
	*place = *entry;
	place->details.name = keep(entry->details.name);
	place->details.venue = keep(entry->details.venue);
	place->details.description = keep(entry->details.description);
	self->puts++;
}

static enum catalog_result fake_put(struct catalog *catalog, const struct catalog_entry *entry)
{
	struct fake_catalog *self = self_of(catalog);
	if (self->is_down)
		return CATALOG_DOWN;
	pthread_mutex_lock(&self->lock);
	put_locked(self, entry);
	pthread_mutex_unlock(&self->lock);
	return CATALOG_OK;
}

static struct catalog_entry *copy_into(struct arena *arena, const struct catalog_entry *entry, struct catalog_entry *copy)
{
	*copy = *entry;
	copy->details.name = arena_copy(arena, entry->details.name);
	copy->details.venue = arena_copy(arena, entry->details.venue);
	copy->details.description = arena_copy(arena, entry->details.description);
	return copy;
}

static enum catalog_result fake_find(struct catalog *catalog, const struct uuid *event_id, struct arena *arena,
                                     const struct catalog_entry **ret_entry)
{
	struct fake_catalog *self = self_of(catalog);
	self->questions++;
	if (self->is_down)
		return CATALOG_DOWN;
	pthread_mutex_lock(&self->lock);
	uint32_t position = position_of(self, event_id);
	*ret_entry = NULL;
	if (position < self->count && uuid_equal(&self->entries[position].event_id, event_id))
		*ret_entry = copy_into(arena, &self->entries[position], arena_allocate_array(arena, 1, sizeof(struct catalog_entry)));
	pthread_mutex_unlock(&self->lock);
	return CATALOG_OK;
}

static enum catalog_result fake_list(struct catalog *catalog, const struct uuid *after, uint32_t limit, struct arena *arena,
                                     struct catalog_list *ret_list)
{
	struct fake_catalog *self = self_of(catalog);
	self->questions++;
	if (self->is_down)
		return CATALOG_DOWN;
	pthread_mutex_lock(&self->lock);
	uint32_t first = after == NULL ? 0 : position_of(self, after);
	if (after != NULL && first < self->count && uuid_equal(&self->entries[first].event_id, after))
		first++;
	uint32_t count = self->count - first < limit ? self->count - first : limit;
	struct catalog_entry *entries = arena_allocate_array(arena, count, sizeof *entries);
	assert(entries != NULL);
	for (uint32_t i = 0; i < count; i++)
		copy_into(arena, &self->entries[first + i], &entries[i]);
	*ret_list = (struct catalog_list){.entries = entries, .count = count};
	pthread_mutex_unlock(&self->lock);
	return CATALOG_OK;
}

static bool passes(const struct catalog_entry *entry, const struct catalog_filter *filter)
{
	const struct sale_details *details = &entry->details;
	return details->starts_at_ms >= filter->starts_from_ms &&
	       (filter->starts_until_ms == 0 || details->starts_at_ms <= filter->starts_until_ms) &&
	       (filter->status == 0 || entry->status == filter->status) &&
	       (slice_is_empty(filter->venue) || (filter->venue.length == details->venue.length &&
	                                          strncasecmp(details->venue.data, filter->venue.data, filter->venue.length) == 0)) &&
	       word_search_matches(filter->words, details->name);
}

static enum catalog_result fake_search(struct catalog *catalog, const struct catalog_filter *filter, const struct uuid *after,
                                       uint32_t limit, struct arena *arena, struct catalog_list *ret_list)
{
	struct catalog_list all;
	enum catalog_result result = fake_list(catalog, after, FAKE_CATALOG_MAX, arena, &all);
	if (result != CATALOG_OK)
		return result;
	struct catalog_list list = {.entries = all.entries};
	for (uint32_t i = 0; i < all.count && list.count < limit; i++)
		if (passes(&all.entries[i], filter))
			list.entries[list.count++] = all.entries[i];
	*ret_list = list;
	return CATALOG_OK;
}

static enum catalog_result fake_drop(struct catalog *catalog, const struct uuid *event_id)
{
	struct fake_catalog *self = self_of(catalog);
	if (self->is_down)
		return CATALOG_DOWN;
	pthread_mutex_lock(&self->lock);
	uint32_t position = position_of(self, event_id);
	if (position < self->count && uuid_equal(&self->entries[position].event_id, event_id)) {
		drop_texts(&self->entries[position]);
		self->count--;
		memmove(&self->entries[position], &self->entries[position + 1], (self->count - position) * sizeof self->entries[0]);
	}
	pthread_mutex_unlock(&self->lock);
	return CATALOG_OK;
}

static enum catalog_result fake_ping(struct catalog *catalog)
{
	return self_of(catalog)->is_down ? CATALOG_DOWN : CATALOG_OK;
}

static void fake_free(struct catalog *catalog)
{
	fake_catalog_free(self_of(catalog));
}

static const struct catalog_operations operations = {.put = fake_put,
                                                     .find = fake_find,
                                                     .list = fake_list,
                                                     .search = fake_search,
                                                     .drop = fake_drop,
                                                     .ping = fake_ping,
                                                     .free = fake_free};

struct fake_catalog *fake_catalog_new(void)
{
	struct fake_catalog *self = calloc(1, sizeof *self);
	if (self == NULL)
		return NULL;
	self->base.operations = &operations;
	pthread_mutex_init(&self->lock, NULL);
	return self;
}

void fake_catalog_free(struct fake_catalog *self)
{
	for (uint32_t i = 0; i < self->count; i++)
		drop_texts(&self->entries[i]);
	pthread_mutex_destroy(&self->lock);
	free(self);
}
