/* changes.c: gathers what a batch changes and checks it before it is written. */
#include "state/changes.h"

#include <assert.h>
#include <string.h>

/* splitmix64 (Steele, Lea and Flood 2014): the ids need distinct bits, not secret ones; the seed is secret. */
static uint64_t next_random(struct changes *changes)
{
	assert(changes != NULL);
	changes->random += UINT64_C(0x9e3779b97f4a7c15);
	uint64_t z = changes->random;
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void changes_init(struct changes *changes, struct arena *arena, struct hlc *clock, uint64_t random_seed, uint64_t now_ms)
{
	assert(changes != NULL && arena != NULL && clock != NULL);
	*changes = (struct changes){.arena = arena, .clock = clock, .random = random_seed, .now_ms = now_ms};
}

/* A refund that the event makes has its id and its time; one that it closes was closed then. */
static void complete_refund(const struct event *event, struct event_refund *refund)
{
	assert(refund->status == REFUND_DUE || refund->status == REFUND_DONE);
	if (refund->status == REFUND_DONE) {
		refund->done_at_ms = event->occurred_at_ms;
		return;
	}
	refund->refund_id = event->id;
	refund->created_at_ms = event->occurred_at_ms;
}

struct event *changes_append(struct changes *changes, const struct event *event)
{
	assert(event->type != EVENT_NONE && event->sequence > 0);
	if (changes->event_count == changes->event_capacity) {
		uint32_t capacity = changes->event_capacity == 0 ? 64 : changes->event_capacity * 2;
		struct event *larger = arena_allocate(changes->arena, capacity * sizeof *larger);
		if (larger == NULL)
			return NULL;
		if (changes->event_count > 0)
			memcpy(larger, changes->events, changes->event_count * sizeof *larger);
		changes->events = larger;
		changes->event_capacity = capacity;
	}
	struct event *copy = &changes->events[changes->event_count++];
	*copy = *event;
	uint64_t stamp = event->seats_version != 0 ? event->seats_version : hlc_next(changes->clock, changes->now_ms);
	hlc_observe(changes->clock, stamp);
	copy->id = uuid_v7(stamp, next_random(changes), uuid_shard(&event->stream_id));
	copy->occurred_at_ms = hlc_milliseconds(stamp);
	for (uint32_t i = 0; i < copy->refund_count; i++)
		complete_refund(copy, &copy->refunds[i]);
	return copy;
}

void changes_truncate(struct changes *changes, uint32_t event_count)
{
	assert(event_count <= changes->event_count);
	changes->event_count = event_count;
}

uint32_t changes_event_count(const struct changes *changes)
{
	assert(changes->event_count <= changes->event_capacity);
	return changes->event_count;
}

const struct event *changes_event(const struct changes *changes, uint32_t index)
{
	assert(index < changes->event_count);
	return &changes->events[index];
}

struct arena *changes_arena(const struct changes *changes)
{
	assert(changes->arena != NULL);
	return changes->arena;
}

enum error changes_add_unused_key(struct changes *changes, const struct idempotency *idempotency)
{
	assert(changes->arena != NULL);
	assert(idempotency->is_present);
	if (changes->unused_key_count == changes->unused_key_capacity) {
		uint32_t capacity = changes->unused_key_capacity == 0 ? 64 : changes->unused_key_capacity * 2;
		struct idempotency *larger = arena_allocate(changes->arena, capacity * sizeof *larger);
		if (larger == NULL)
			return ERR_NO_MEMORY;
		if (changes->unused_key_count > 0)
			memcpy(larger, changes->unused_keys, changes->unused_key_count * sizeof *larger);
		changes->unused_keys = larger;
		changes->unused_key_capacity = capacity;
	}
	changes->unused_keys[changes->unused_key_count++] = *idempotency;
	return OK;
}

enum error changes_collect(struct changes *changes, const struct view *view)
{
	assert(changes->row_count == 0 && changes->relied_count == 0);
	assert(changes->rows == NULL && changes->relied == NULL);
	changes->epoch = view_epoch(view);
	changes->rows = view_changed(view, changes->arena, &changes->row_count);
	changes->relied = changes->rows == NULL ? NULL : view_relied(view, changes->arena, &changes->relied_count);
	return changes->relied == NULL ? ERR_NO_MEMORY : OK;
}

static const char *check_event(const struct event *event)
{
	assert(event->type != EVENT_NONE);
	if (event_type_stream(event->type) != STREAM_ORDER)
		return NULL;
	int64_t total = 0;
	for (uint32_t i = 0; i < event->item_count; i++)
		if (!money_add(&total, event->items[i].price))
			return "an order's total is within bounds";
	return total == event->total ? NULL : "an order's total is the sum of its items";
}

/* An event's predecessor in its stream is the nearest earlier one of this batch; batches are short and streams rarely repeat. */
static bool follows_its_stream(const struct changes *changes, uint32_t index)
{
	assert(index < changes->event_count);
	const struct event *event = &changes->events[index];
	for (uint32_t i = index; i-- > 0;)
		if (uuid_equal(&changes->events[i].stream_id, &event->stream_id))
			return changes->events[i].sequence + 1 == event->sequence;
	return true;
}

const char *changes_check(const struct changes *changes)
{
	assert(changes != NULL);
	for (uint32_t i = 0; i < changes->event_count; i++) {
		const struct event *event = &changes->events[i];
		if (i > 0 && uuid_stamp(&event->id) <= uuid_stamp(&changes->events[i - 1].id))
			return "ids ascend";
		if (event->sequence > 1 && !follows_its_stream(changes, i))
			return "sequences are consecutive";
		if (event->data.length == 0)
			return "an event has data";
		const char *broken = check_event(event);
		if (broken != NULL)
			return broken;
	}
	for (uint32_t i = 0; i < changes->row_count; i++) {
		const struct row *row = changes->rows[i];
		if (row->kind == ROW_ORDER && !order_is_balanced((const struct order *)(const void *)row))
			return "payments equal money kept, due and refunded";
	}
	for (uint32_t i = 0; i < changes->row_count; i++)
		if (changes->rows[i]->version <= changes->rows[i]->stored_version)
			return "a changed row has a greater version";
	for (uint32_t i = 0; i < changes->relied_count; i++)
		if (changes->relied[i]->version != changes->relied[i]->stored_version)
			return "a row relied on is unchanged";
	return NULL;
}
