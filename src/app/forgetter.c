/* forgetter.c: see forgetter.h. */
#include "app/forgetter.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "domain/hold.h"
#include "domain/order.h"
#include "ports/reader.h"

#define IDS_MAX ((size_t)256 * 1024 * 1024)

struct gathering {
	struct forgetting *forgetting;
	struct buffer streams, acts, audit; /* 16 bytes each */
};

bool forget_is_program(struct slice user)
{
	static const char *const programs[] = {"operator", "payment", "expiry-worker"};
	assert(user.data != NULL || user.length == 0);
	for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
		if (slice_equal_string(user, programs[i]))
			return true;
	return false;
}

struct slice forget_pseudonym(const struct uuid *id, char text[static FORGET_PSEUDONYM_LENGTH + 1])
{
	assert(id != NULL && !uuid_is_nil(id));
	memcpy(text, "forgotten-", 10);
	uuid_format(id, text + 10);
	return slice_of(text);
}

static bool take_hold(struct gathering *gathering, const struct hold *hold)
{
	assert(hold->row.kind == ROW_HOLD);
	struct forgetting *forgetting = gathering->forgetting;
	forgetting->ret_open_holds += hold->status == HOLD_ACTIVE && hold->expires_at_ms > forgetting->record->at_ms;
	buffer_append(&gathering->streams, hold->hold_id.bytes, sizeof hold->hold_id.bytes);
	return !gathering->streams.failed;
}

static bool take_order(struct gathering *gathering, const struct order *order)
{
	assert(order->row.kind == ROW_ORDER);
	struct forgetting *forgetting = gathering->forgetting;
	forgetting->ret_pending_orders += order->status == ORDER_PENDING && order->pay_by_ms > forgetting->record->at_ms;
	buffer_append(&gathering->streams, order->order_id.bytes, sizeof order->order_id.bytes);
	return !gathering->streams.failed;
}

static uint64_t made_at_ms(enum privacy_part part, const void *item)
{
	assert(item != NULL);
	switch (part) {
	case PRIVACY_HOLDS:
		return ((const struct hold *)item)->created_at_ms;
	case PRIVACY_ORDERS:
		return ((const struct order *)item)->created_at_ms;
	case PRIVACY_ACTS:
		return ((const struct event_record *)item)->occurred_at_ms;
	default:
		return ((const struct audit_record *)item)->at_ms;
	}
}

static bool take(void *context, enum privacy_part part, const void *item)
{
	assert(context != NULL && item != NULL);
	struct gathering *gathering = context;
	if (gathering->forgetting->is_again && made_at_ms(part, item) > gathering->forgetting->record->at_ms)
		return true; /* of somebody new, who came later with this id */
	if (part == PRIVACY_HOLDS)
		return take_hold(gathering, item);
	if (part == PRIVACY_ORDERS)
		return take_order(gathering, item);
	struct buffer *ids = part == PRIVACY_ACTS ? &gathering->acts : &gathering->audit;
	const struct uuid *id = part == PRIVACY_ACTS ? &((const struct event_record *)item)->id : &((const struct audit_record *)item)->id;
	buffer_append(ids, id->bytes, sizeof id->bytes);
	return !ids->failed;
}

static const struct uuid *ids_of(const struct buffer *buffer, uint32_t *ret_count)
{
	_Static_assert(sizeof(struct uuid) == 16 && _Alignof(struct uuid) == 1, "ids stand one behind the other");
	assert(buffer->length % sizeof(struct uuid) == 0);
	*ret_count = (uint32_t)(buffer->length / sizeof(struct uuid));
	return (const struct uuid *)(const void *)buffer->data;
}

static enum store_result gather(struct forgetting *forgetting)
{
	static const enum privacy_part parts[] = {PRIVACY_HOLDS, PRIVACY_ORDERS, PRIVACY_ACTS, PRIVACY_AUDIT};
	struct privacy *privacy = forgetting->privacy;
	struct gathering gathering = {.forgetting = forgetting};
	assert(forgetting->arena != NULL);
	buffer_init(&gathering.streams, forgetting->arena, IDS_MAX);
	buffer_init(&gathering.acts, forgetting->arena, IDS_MAX);
	buffer_init(&gathering.audit, forgetting->arena, IDS_MAX);
	enum store_result result = STORE_OK;
	size_t part_count = forget_is_program(forgetting->user) ? 2 : sizeof parts / sizeof parts[0];
	for (size_t i = 0; result == STORE_OK && i < part_count; i++)
		result = privacy->operations->each(privacy, parts[i], forgetting->user, take, &gathering);
	struct privacy_traces *traces = &forgetting->ret_traces;
	*traces = (struct privacy_traces){.at_ms = forgetting->record->at_ms};
	traces->streams = ids_of(&gathering.streams, &traces->stream_count);
	traces->acts = ids_of(&gathering.acts, &traces->act_count);
	traces->audit = ids_of(&gathering.audit, &traces->audit_count);
	return result;
}

static enum forget_outcome replace_and_record(struct forgetting *forgetting)
{
	assert(forgetting->keep != NULL);
	struct privacy *privacy = forgetting->privacy;
	char text[FORGET_PSEUDONYM_LENGTH + 1];
	struct slice pseudonym = forget_pseudonym(&forgetting->record->id, text);
	if (!forgetting->keep(forgetting->context, &forgetting->record->id, &forgetting->ret_traces))
		return FORGET_UNKEPT;
	if (privacy->operations->replace(privacy, &forgetting->ret_traces, forgetting->user, pseudonym) != STORE_OK ||
	    privacy->operations->record(privacy, forgetting->record) != STORE_OK)
		return FORGET_FAILED;
	return FORGET_DONE;
}

static enum forget_outcome forget_within(struct forgetting *forgetting)
{
	assert(forgetting->user.length > 0);
	if (gather(forgetting) != STORE_OK)
		return FORGET_FAILED;
	const struct privacy_traces *traces = &forgetting->ret_traces;
	if (traces->stream_count + traces->act_count + traces->audit_count == 0)
		return FORGET_UNKNOWN;
	if (forgetting->ret_open_holds + forgetting->ret_pending_orders > 0)
		return FORGET_OPEN;
	return replace_and_record(forgetting);
}

enum forget_outcome forget_user(struct forgetting *forgetting)
{
	assert(forgetting != NULL && forgetting->privacy != NULL && forgetting->record != NULL);
	struct privacy *privacy = forgetting->privacy;
	if (privacy->operations->begin(privacy, true) != STORE_OK) {
		(void)privacy->operations->end(privacy, false);
		return FORGET_FAILED;
	}
	enum forget_outcome outcome = forget_within(forgetting);
	if (privacy->operations->end(privacy, outcome == FORGET_DONE) != STORE_OK && outcome == FORGET_DONE)
		outcome = FORGET_FAILED;
	return outcome;
}

/* Forgets the rest that this store has of the user: a backup may have more than the store in which the user was forgotten. */
static enum store_result replace_rest(struct privacy *privacy, const struct privacy_traces *traces, struct slice user,
                                      struct slice pseudonym, struct arena *arena)
{
	assert(user.length > 0 && pseudonym.length > 0);
	const struct audit_record then = {.at_ms = traces->at_ms};
	struct forgetting rest = {.privacy = privacy, .user = user, .record = &then, .arena = arena, .is_again = true};
	enum store_result result = gather(&rest);
	return result == STORE_OK ? privacy->operations->replace(privacy, &rest.ret_traces, user, pseudonym) : result;
}

static enum store_result replace_again(struct privacy *privacy, const struct privacy_traces *traces, const struct audit_record *record,
                                       struct arena *arena)
{
	assert(traces != NULL && record != NULL);
	char text[FORGET_PSEUDONYM_LENGTH + 1];
	struct slice pseudonym = forget_pseudonym(&record->id, text);
	struct slice *users = NULL;
	uint32_t count = 0;
	enum store_result result = privacy->operations->owners(privacy, traces, pseudonym, arena, &users, &count);
	for (uint32_t i = 0; result == STORE_OK && i < count; i++) {
		result = privacy->operations->replace(privacy, traces, users[i], pseudonym);
		if (result == STORE_OK)
			result = replace_rest(privacy, traces, users[i], pseudonym, arena);
	}
	if (result == STORE_OK && count == 0)
		result = privacy->operations->replace(privacy, traces, (struct slice){0}, pseudonym);
	return result == STORE_OK ? privacy->operations->record(privacy, record) : result;
}

/* Whether it is done is asked without keeping others from writing. */
static enum store_result ask_whether_done(struct privacy *privacy, const struct uuid *id, bool *ret_is)
{
	assert(id != NULL && ret_is != NULL);
	enum store_result result = privacy->operations->begin(privacy, false);
	if (result == STORE_OK)
		result = privacy->operations->is_recorded(privacy, id, ret_is);
	(void)privacy->operations->end(privacy, false);
	return result;
}

enum forget_outcome forget_again(struct privacy *privacy, const struct privacy_traces *traces, const struct audit_record *record,
                                 struct arena *arena, bool *ret_has_changed)
{
	assert(privacy != NULL && arena != NULL && ret_has_changed != NULL);
	bool is_done = false;
	*ret_has_changed = false;
	if (ask_whether_done(privacy, &record->id, &is_done) != STORE_OK)
		return FORGET_FAILED;
	if (is_done)
		return FORGET_DONE;
	enum store_result result = privacy->operations->begin(privacy, true);
	if (result == STORE_OK)
		result = replace_again(privacy, traces, record, arena);
	enum store_result ended = privacy->operations->end(privacy, result == STORE_OK);
	*ret_has_changed = result == STORE_OK && ended == STORE_OK;
	return *ret_has_changed ? FORGET_DONE : FORGET_FAILED;
}
