/* view.c: one hash table over rows of all kinds, with lists of what changed, what is relied on and what was used last. */
#include "domain/view.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/defect.h"
#include "domain/row_key.h"
#include "domain/view_inside.h"

struct view {
	struct row **buckets;
	uint32_t bucket_count; /* a power of two */
	uint32_t row_count;
	uint32_t rows_max;
	struct hash_seed seed;
	struct hlc clock;
	uint64_t step;
	uint64_t epoch; /* of the rows; of an annex: of those it has loaded, or else of its view's when the step began */
	uint64_t now_ms;
	struct list recency; /* least recently used first */
	struct list changed;
	uint32_t transient_count; /* absent rows and keys, to be forgotten at the end of the step */
	uint32_t relied_count;
	uint32_t flying_count;
	bool is_exact;                     /* only rows of this step are known */
	uint64_t known_since[SHARD_COUNT]; /* the step; rows loaded before are not known any more */
	struct shard_set moved;            /* whose rows somebody else has changed */
	struct view *main;                 /* of an annex; NULL */
};

static uint64_t key_hash(const struct view *view, const struct row_key *key)
{
	return hash_bytes(&view->seed, key->bytes, key->length) ^ ((uint64_t)key->kind << 56);
}

static bool row_has_key(const struct row *row, const struct row_key *key, uint64_t hash)
{
	if (row->hash != hash || row->kind != key->kind)
		return false;
	struct row_key own = row_key_of_row(row);
	return own.length == key->length && memcmp(own.bytes, key->bytes, key->length) == 0;
}

static struct row *find(const struct view *view, const struct row_key *key, uint64_t hash)
{
	struct row *row = view->buckets[hash & (view->bucket_count - 1)];
	while (row != NULL && !row_has_key(row, key, hash))
		row = row->next_in_bucket;
	return row;
}

static bool row_is_transient(const struct row *row)
{
	return row->version == 0 || row->kind == ROW_KEY;
}

static void forget(struct view *view, struct row *row)
{
	struct row **link = &view->buckets[row->hash & (view->bucket_count - 1)];
	while (*link != row)
		link = &(*link)->next_in_bucket;
	*link = row->next_in_bucket;
	if (row->is_changed || row->is_flying)
		list_remove(&row->changed);
	else if (row_is_transient(row))
		view->transient_count--;
	if (row->is_relied_on)
		view->relied_count--;
	if (row->is_flying)
		view->flying_count--;
	list_remove(&row->recency);
	view->row_count--;
	free(row);
}

struct view *view_new(uint32_t rows_max, struct hash_seed seed)
{
	assert(rows_max > 0);
	struct view *view = calloc(1, sizeof *view);
	if (view == NULL)
		return NULL;
	view->bucket_count = 1024;
	view->buckets = calloc(view->bucket_count, sizeof *view->buckets);
	if (view->buckets == NULL) {
		free(view);
		return NULL;
	}
	view->rows_max = rows_max;
	view->seed = seed;
	list_init(&view->recency);
	list_init(&view->changed);
	return view;
}

struct view *view_new_annex(struct view *view)
{
	assert(view != NULL && view->main == NULL);
	struct view *annex = view_new(view->rows_max, view->seed);
	if (annex != NULL)
		annex->main = view;
	return annex;
}

void view_free(struct view *view)
{
	if (view == NULL)
		return;
	for (struct list_node *node; (node = list_pop(&view->recency)) != NULL;)
		free(container_of(node, struct row, recency));
	free(view->buckets);
	free(view);
}

/* Forgets the least recently used of what is not in flight until there are no more rows than that. */
static void forget_down_to(struct view *view, uint32_t row_count)
{
	for (struct list_node *node = view->recency.head.next; view->row_count > row_count && node != &view->recency.head;) {
		struct row *row = container_of(node, struct row, recency);
		node = node->next;
		if (!row->is_flying)
			forget(view, row);
	}
}

void view_clear(struct view *view)
{
	assert(view != NULL);
	forget_down_to(view, 0);
	assert(view->row_count == view->flying_count);
}

void view_step_begin(struct view *view, uint64_t now_ms)
{
	assert(list_is_empty(&view->changed));
	view->step++;
	view->now_ms = now_ms;
	if (view->main != NULL)
		view->epoch = view->main->epoch;
	view->is_exact = false;
}

void view_step_begin_exact(struct view *view, uint64_t now_ms)
{
	assert(view->main == NULL);
	view_step_begin(view, now_ms);
	view->is_exact = true;
}

void view_confirm(struct view *view, const struct row *row)
{
	assert(view->main == NULL && row != NULL && !row->is_flying);
	struct row *own = (struct row *)(uintptr_t)row;
	own->loaded_step = view->step;
}

static uint8_t shard_of(const struct row *row)
{
	const void *record = row;
	switch (row->kind) {
	case ROW_SALE:
		return uuid_shard(&((const struct sale *)record)->event_id);
	case ROW_SEAT:
		return uuid_shard(&((const struct seat *)record)->event_id);
	case ROW_HOLD:
		return uuid_shard(&((const struct hold *)record)->hold_id);
	case ROW_ORDER:
		return uuid_shard(&((const struct order *)record)->order_id);
	case ROW_PAYMENT:
		return uuid_shard(&((const struct payment *)record)->order_id);
	case ROW_REFUND:
		return uuid_shard(&((const struct refund *)record)->order_id);
	case ROW_KEY:
	case ROW_KIND_COUNT:
		break;
	}
	return uuid_shard(&((const struct key *)record)->stream_id);
}

bool view_knows(const struct view *view, const struct row *row)
{
	if (row == NULL || row->is_changed || row->loaded_step == view->step)
		return row != NULL;
	return !view->is_exact && row->loaded_step >= view->known_since[shard_of(row)];
}

void view_distrust(struct view *view, uint8_t shard)
{
	view->known_since[shard] = view->step + 1;
}

struct shard_set view_take_moved(struct view *view)
{
	struct shard_set moved = view->moved;
	view->moved = (struct shard_set){0};
	return moved;
}

/* Rows are used in the order of the recency list, newest last, so the transient ones of this step are near its end. */
static void forget_transient(struct view *view)
{
	for (struct list_node *node = view->recency.head.previous; view->transient_count > 0 && node != &view->recency.head;) {
		struct row *row = container_of(node, struct row, recency);
		node = node->previous;
		if (row_is_transient(row) && !row->is_flying)
			forget(view, row);
	}
	assert(view->transient_count == 0);
}

static void forget_reliance(struct view *view, bool with_rows)
{
	for (struct list_node *node = view->recency.head.previous; view->relied_count > 0 && node != &view->recency.head;) {
		struct row *row = container_of(node, struct row, recency);
		node = node->previous;
		if (!row->is_relied_on)
			continue;
		if (with_rows) {
			forget(view, row);
		} else {
			row->is_relied_on = false;
			view->relied_count--;
		}
	}
	assert(view->relied_count == 0);
}

void view_step_committed(struct view *view)
{
	struct list flying;
	list_init(&flying);
	view_step_take_off(view, &flying);
	view_landed(view, &flying);
}

void view_step_failed(struct view *view)
{
	assert(view != NULL);
	/* Reliance first: a row relied on and changed later must not be looked at once it is freed. */
	forget_reliance(view, true);
	while (!list_is_empty(&view->changed))
		forget(view, container_of(view->changed.head.next, struct row, changed));
	forget_transient(view);
	forget_down_to(view, view->rows_max);
}

void view_step_take_off(struct view *view, struct list *flying)
{
	assert(view != NULL);
	assert(flying != NULL && list_is_empty(flying));
	list_for_each(node, &view->changed) {
		struct row *row = container_of(node, struct row, changed);
		row->is_changed = false;
		row->is_flying = true;
		view->flying_count++;
	}
	list_splice(flying, &view->changed);
	forget_reliance(view, false);
	forget_transient(view);
}

/* No step is deciding. */
static bool is_between_steps(const struct view *view)
{
	return list_is_empty(&view->changed) && view->relied_count == 0 && view->transient_count == 0;
}

void view_landed(struct view *view, struct list *flying)
{
	assert(view != NULL && is_between_steps(view));
	assert(flying != NULL);
	while (!list_is_empty(flying)) {
		struct row *row = container_of(flying->head.next, struct row, changed);
		if (row->kind == ROW_KEY) {
			forget(view, row);
			continue;
		}
		list_remove(&row->changed);
		row->is_flying = false;
		row->stored_version = row->version;
		row->loaded_step = view->step;
		view->flying_count--;
	}
	forget_down_to(view, view->rows_max);
}

void view_lost(struct view *view, struct list *flying)
{
	assert(view != NULL && is_between_steps(view));
	assert(flying != NULL);
	if (DEFECT(FAILED_BATCH_KEPT)) {
		view_landed(view, flying);
		return;
	}
	while (!list_is_empty(flying))
		forget(view, container_of(flying->head.next, struct row, changed));
	forget_down_to(view, view->rows_max);
}

void view_forget(struct view *view, const struct row *row)
{
	assert(view != NULL && is_between_steps(view));
	struct row_key key = row_key_of_row(row);
	struct row *own = find(view, &key, row->hash);
	if (own != NULL && !own->is_flying)
		forget(view, own);
}

uint64_t view_epoch(const struct view *view)
{
	return view->epoch;
}

bool view_enter_epoch(struct view *view, uint64_t epoch)
{
	assert(view != NULL && epoch > 0);
	bool is_other = view->epoch != epoch && view->row_count > 0;
	if (is_other)
		view_clear(view);
	view->epoch = epoch;
	return !is_other;
}

uint64_t view_now_ms(const struct view *view)
{
	return view->now_ms;
}

uint32_t view_row_count(const struct view *view)
{
	return view->row_count;
}

uint32_t view_flying_count(const struct view *view)
{
	return view->main != NULL ? view->main->flying_count : view->flying_count;
}

struct hlc *view_clock(struct view *view)
{
	return &view->clock;
}

/* A look-up is a use. Recency is the view's own bookkeeping, so a const view may be looked into. */
static const struct row *use(const struct view *view, const struct row_key *key)
{
	uint64_t hash = key_hash(view, key);
	const struct view *home = view->main != NULL ? view->main : view;
	struct row *row = find(home, key, hash);
	if (row == NULL && home != view) {
		home = view;
		row = find(home, key, hash);
	}
	if (row != NULL && home->recency.head.previous != &row->recency) {
		struct view *own = (struct view *)(uintptr_t)home;
		list_remove(&row->recency);
		list_push(&own->recency, &row->recency);
	}
	return row;
}

const struct sale *view_sale(const struct view *view, const struct uuid *event_id)
{
	struct row_key key = row_key_of_uuid(ROW_SALE, event_id);
	return (const struct sale *)(const void *)use(view, &key);
}

const struct seat *view_seat(const struct view *view, const struct uuid *event_id, const struct seat_label *label)
{
	struct row_key key = row_key_of_seat(event_id, label);
	return (const struct seat *)(const void *)use(view, &key);
}

const struct hold *view_hold(const struct view *view, const struct uuid *hold_id)
{
	struct row_key key = row_key_of_uuid(ROW_HOLD, hold_id);
	return (const struct hold *)(const void *)use(view, &key);
}

const struct order *view_order(const struct view *view, const struct uuid *order_id)
{
	struct row_key key = row_key_of_uuid(ROW_ORDER, order_id);
	return (const struct order *)(const void *)use(view, &key);
}

const struct payment *view_payment(const struct view *view, const struct short_text *transaction_id)
{
	struct row_key key = row_key_of_text(ROW_PAYMENT, transaction_id->text, transaction_id->length);
	return (const struct payment *)(const void *)use(view, &key);
}

const struct refund *view_refund(const struct view *view, const struct uuid *refund_id)
{
	struct row_key key = row_key_of_uuid(ROW_REFUND, refund_id);
	return (const struct refund *)(const void *)use(view, &key);
}

const struct key *view_key(const struct view *view, const uint8_t bytes[static KEY_HASH_LENGTH])
{
	struct row_key key = row_key_of_text(ROW_KEY, bytes, KEY_HASH_LENGTH);
	return (const struct key *)(const void *)use(view, &key);
}

static void grow(struct view *view)
{
	uint32_t bucket_count = view->bucket_count * 2;
	struct row **buckets = calloc(bucket_count, sizeof *buckets);
	if (buckets == NULL)
		return; /* longer chains are slower, not wrong */
	list_for_each(node, &view->recency) {
		struct row *row = container_of(node, struct row, recency);
		struct row **bucket = &buckets[row->hash & (bucket_count - 1)];
		row->next_in_bucket = *bucket;
		*bucket = row;
	}
	free(view->buckets);
	view->buckets = buckets;
	view->bucket_count = bucket_count;
}

/* Takes ownership of `row`, which is set but for its place; no row has its key. */
static void link_row(struct view *view, struct row *row)
{
	if (view->row_count >= view->bucket_count)
		grow(view);
	struct row **bucket = &view->buckets[row->hash & (view->bucket_count - 1)];
	row->next_in_bucket = *bucket;
	*bucket = row;
	row->loaded_step = view->step;
	list_push(&view->recency, &row->recency);
	view->row_count++;
	if (row_is_transient(row))
		view->transient_count++;
	if (!DEFECT(CLOCK_DEAF))
		hlc_observe(&view->clock, row->version);
}

void view_insert_row(struct view *view, struct row *row, enum row_kind kind, uint64_t version)
{
	row->kind = kind;
	row->version = version;
	row->stored_version = version;
	row->is_changed = false;
	row->is_flying = false;
	row->is_relied_on = false;
	struct row_key key = row_key_of_row(row);
	row->hash = key_hash(view, &key);
	struct row *old = find(view, &key, row->hash);
	if (old != NULL) {
		assert(!old->is_changed && !old->is_flying);
		if (old->version != version)
			shard_set_add(&view->moved, shard_of(row));
		forget(view, old);
	}
	link_row(view, row);
}

void view_swap_row(struct view *view, struct row *row)
{
	struct row_key key = row_key_of_row(row);
	struct row *old = find(view, &key, key_hash(view, &key));
	assert(old != NULL && old->version != 0 && !old->is_flying);
	row->hash = old->hash;
	row->version = old->version;
	row->stored_version = old->stored_version;
	row->is_changed = false;
	row->is_flying = false;
	row->is_relied_on = false;
	forget(view, old);
	link_row(view, row);
}

bool view_absorb(struct view *annex)
{
	assert(annex != NULL && annex->main != NULL);
	bool is_newer = annex->epoch > annex->main->epoch;
	bool is_same = annex->epoch == annex->main->epoch || (is_newer && view_enter_epoch(annex->main, annex->epoch));
	if (!is_same && !is_newer)
		view_clear(annex);
	for (struct list_node *node; (node = list_pop(&annex->recency)) != NULL;) {
		struct row *row = container_of(node, struct row, recency);
		struct row_key key = row_key_of_row(row);
		if (find(annex->main, &key, row->hash) == NULL)
			link_row(annex->main, row);
		else
			free(row);
	}
	memset(annex->buckets, 0, annex->bucket_count * sizeof(struct row *));
	annex->row_count = 0;
	annex->transient_count = 0;
	return is_same;
}

void view_change(struct view *view, struct row *row, uint64_t version)
{
	assert(version > row->version);
	assert(!row->is_flying);
	if (row_is_transient(row) && !row->is_changed)
		view->transient_count--;
	row->version = version;
	if (row->is_changed)
		return;
	row->is_changed = true;
	list_push(&view->changed, &row->changed);
}

const struct list *view_changed(const struct view *view)
{
	return &view->changed;
}

void view_rely_on(struct view *view, const struct row *row, bool is_refusal)
{
	assert(!row->is_flying);
	if (row->is_changed || row->is_relied_on || (is_refusal && row->loaded_step == view->step))
		return;
	struct row *own = (struct row *)(uintptr_t)row;
	own->is_relied_on = true;
	view->relied_count++;
}

const struct row **view_relied(const struct view *view, struct arena *arena, uint32_t *ret_count)
{
	const struct row **rows = arena_allocate(arena, view->relied_count * sizeof(const struct row *));
	if (rows == NULL)
		return NULL;
	uint32_t seen = 0, count = 0;
	for (const struct list_node *node = view->recency.head.previous; seen < view->relied_count; node = node->previous) {
		assert(node != &view->recency.head);
		const struct row *row = (const struct row *)(const void *)((const char *)node - offsetof(struct row, recency));
		if (!row->is_relied_on)
			continue;
		seen++;
		if (row->is_changed)
			continue;
		struct row *copy = arena_allocate(arena, row_size(row->kind));
		if (copy == NULL)
			return NULL;
		rows[count++] = memcpy(copy, row, row_size(row->kind));
	}
	*ret_count = count;
	return rows;
}
