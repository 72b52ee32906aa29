/* view.c: one hash table over rows of all kinds, with lists of what changed, what is relied on and what was used last. */
#include "state/view.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash_table.h"
#include "state/cache.h"

/* The view's data about one row, which follows in the same allocation. Other batches change this data while the row is being written. */
struct slot {
	struct hash_node node;
	struct list_node recency;
	struct list_node changed; /* on the view's list, or on that of a batch that was dispatched */
	uint64_t loaded_step;     /* a row loaded in this step needs no check */
	bool is_changed;          /* differs from the store, by the step that is deciding */
	bool is_dispatched;       /* on its way to the store, changed by a step that has ended */
	bool is_relied_on;        /* a decision of this batch rests on it */
	_Alignas(max_align_t) struct row row;
};

struct view {
	struct hash_table slots;
	uint32_t rows_max;
	struct hash_seed seed;
	struct hlc clock;
	uint64_t step;
	uint64_t epoch; /* of the rows; of an overlay: of those it has loaded, or else of its view's when the step began */
	uint64_t now_ms;
	struct list recency; /* least recently used first */
	struct list changed;
	uint32_t transient_count; /* absent rows and keys, to be forgotten at the end of the step */
	uint32_t changed_count;
	uint32_t relied_count;
	uint32_t dispatched_count;
	bool lacks_memory;                 /* for a row that was to be put */
	bool is_exact;                     /* only rows of this step are known */
	uint64_t known_since[SHARD_COUNT]; /* the step; rows loaded before are not known any more */
	struct shard_set moved;            /* shards with rows that another process has changed */
	struct view *main;                 /* of an overlay; NULL */
};

static struct slot *slot_of(const struct row *row)
{
	assert(row != NULL);
	return container_of((uintptr_t)row, struct slot, row);
}

/* A key of two parts is a seat's. The whole text of its label is copied, because a copy of known size is a few instructions. */
static uint64_t key_hash(const struct view *view, const struct row_key *key)
{
	char bytes[sizeof(struct uuid) + SEAT_LABEL_LENGTH_MAX];
	uint64_t kind = (uint64_t)key->kind << 56;
	if (key->second_length == 0)
		return hash_bytes(&view->seed, key->first, key->first_length) ^ kind;
	assert(key->first_length == sizeof(struct uuid) && key->second_length <= SEAT_LABEL_LENGTH_MAX);
	memcpy(bytes, key->first, sizeof(struct uuid));
	memcpy(bytes + sizeof(struct uuid), key->second, SEAT_LABEL_LENGTH_MAX);
	return hash_bytes(&view->seed, bytes, sizeof(struct uuid) + key->second_length) ^ kind;
}

static bool slot_has_key(const struct slot *slot, const struct row_key *key)
{
	if (slot->row.kind != key->kind)
		return false;
	struct row_key own = row_key_of(&slot->row);
	return own.first_length == key->first_length && own.second_length == key->second_length &&
	       memcmp(own.first, key->first, own.first_length) == 0 &&
	       (own.second_length == 0 || memcmp(own.second, key->second, own.second_length) == 0);
}

static struct slot *find(const struct view *view, const struct row_key *key, uint64_t hash)
{
	assert(view->slots.buckets != NULL);
	struct hash_node *node = hash_table_first(&view->slots, hash);
	while (node != NULL && !slot_has_key(container_of(node, struct slot, node), key))
		node = hash_table_next(node);
	return node == NULL ? NULL : container_of(node, struct slot, node);
}

static bool is_transient(const struct slot *slot)
{
	return slot->row.version == 0 || slot->row.kind == ROW_KEY;
}

static void forget(struct view *view, struct slot *slot)
{
	assert(!(slot->is_changed && slot->is_dispatched));
	hash_table_remove(&view->slots, &slot->node);
	if (slot->is_changed || slot->is_dispatched)
		list_remove(&slot->changed);
	else if (is_transient(slot))
		view->transient_count--;
	view->changed_count -= slot->is_changed;
	view->relied_count -= slot->is_relied_on;
	view->dispatched_count -= slot->is_dispatched;
	list_remove(&slot->recency);
	free(slot);
}

struct view *view_new(uint32_t rows_max, struct hash_seed seed)
{
	assert(rows_max > 0);
	struct view *view = calloc(1, sizeof *view);
	if (view == NULL)
		return NULL;
	if (hash_table_init(1024, &view->slots) != OK) {
		free(view);
		return NULL;
	}
	view->rows_max = rows_max;
	view->seed = seed;
	list_init(&view->recency);
	list_init(&view->changed);
	return view;
}

struct view *view_new_overlay(struct view *view)
{
	assert(view != NULL && view->main == NULL);
	struct view *overlay = view_new(view->rows_max, view->seed);
	if (overlay != NULL)
		overlay->main = view;
	return overlay;
}

void view_free(struct view *view)
{
	if (view == NULL)
		return;
	for (struct list_node *node; (node = list_pop(&view->recency)) != NULL;)
		free(container_of(node, struct slot, recency));
	hash_table_release(&view->slots);
	free(view);
}

/* Forgets the least recently used of what is not in flight until there are no more rows than that. */
static void forget_down_to(struct view *view, uint32_t row_count)
{
	assert(view->dispatched_count <= view->slots.count);
	for (struct list_node *node = view->recency.head.next; view->slots.count > row_count && node != &view->recency.head;) {
		struct slot *slot = container_of(node, struct slot, recency);
		node = node->next;
		if (!slot->is_dispatched)
			forget(view, slot);
	}
}

void view_clear(struct view *view)
{
	assert(view != NULL);
	forget_down_to(view, 0);
	assert(view->slots.count == view->dispatched_count);
}

void view_step_begin(struct view *view, uint64_t now_ms)
{
	assert(view != NULL);
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
	assert(view->main == NULL && row != NULL);
	struct slot *slot = slot_of(row);
	assert(!slot->is_dispatched);
	slot->loaded_step = view->step;
}

bool view_knows(const struct view *view, const struct row *row)
{
	assert(view->step > 0);
	if (row == NULL)
		return false;
	const struct slot *slot = slot_of(row);
	if (slot->is_changed || slot->loaded_step == view->step)
		return true;
	return !view->is_exact && slot->loaded_step >= view->known_since[row_shard(row)];
}

bool view_is_dispatched(const struct row *row)
{
	return row != NULL && slot_of(row)->is_dispatched;
}

bool view_is_relied_on(const struct row *row)
{
	return row != NULL && slot_of(row)->is_relied_on;
}

void view_distrust(struct view *view, uint8_t shard)
{
	assert(view != NULL && view->main == NULL);
	view->known_since[shard] = view->step + 1;
}

struct shard_set view_take_moved(struct view *view)
{
	assert(view != NULL && view->main == NULL);
	struct shard_set moved = view->moved;
	view->moved = (struct shard_set){0};
	return moved;
}

/* Rows are used in the order of the recency list, newest last, so the transient ones of this step are near its end. */
static void forget_transient(struct view *view)
{
	assert(view->transient_count <= view->slots.count);
	for (struct list_node *node = view->recency.head.previous; view->transient_count > 0 && node != &view->recency.head;) {
		struct slot *slot = container_of(node, struct slot, recency);
		node = node->previous;
		if (is_transient(slot) && !slot->is_dispatched)
			forget(view, slot);
	}
	assert(view->transient_count == 0);
}

static void forget_reliance(struct view *view, bool with_rows)
{
	assert(view->relied_count <= view->slots.count);
	for (struct list_node *node = view->recency.head.previous; view->relied_count > 0 && node != &view->recency.head;) {
		struct slot *slot = container_of(node, struct slot, recency);
		node = node->previous;
		if (!slot->is_relied_on)
			continue;
		if (with_rows) {
			forget(view, slot);
		} else {
			slot->is_relied_on = false;
			view->relied_count--;
		}
	}
	assert(view->relied_count == 0);
}

void view_step_committed(struct view *view)
{
	assert(view != NULL && view->main == NULL);
	struct list dispatched;
	list_init(&dispatched);
	view_step_dispatch(view, &dispatched);
	view_committed(view, &dispatched);
}

void view_step_failed(struct view *view)
{
	assert(view->main == NULL);
	assert(view != NULL);
	/* Reliance first: a row relied on and changed later must not be looked at once it is freed. */
	forget_reliance(view, true);
	while (!list_is_empty(&view->changed))
		forget(view, container_of(view->changed.head.next, struct slot, changed));
	forget_transient(view);
	forget_down_to(view, view->rows_max);
}

void view_step_dispatch(struct view *view, struct list *dispatched)
{
	assert(view->main == NULL);
	assert(view != NULL);
	assert(dispatched != NULL && list_is_empty(dispatched));
	list_for_each(node, &view->changed) {
		struct slot *slot = container_of(node, struct slot, changed);
		slot->is_changed = false;
		slot->is_dispatched = true;
		view->dispatched_count++;
	}
	list_splice(dispatched, &view->changed);
	view->changed_count = 0;
	forget_reliance(view, false);
	forget_transient(view);
}

/* No step is deciding. */
static bool is_between_steps(const struct view *view)
{
	return list_is_empty(&view->changed) && view->relied_count == 0 && view->transient_count == 0;
}

void view_committed(struct view *view, struct list *dispatched)
{
	assert(view->main == NULL);
	assert(view != NULL && is_between_steps(view));
	assert(dispatched != NULL);
	while (!list_is_empty(dispatched)) {
		struct slot *slot = container_of(dispatched->head.next, struct slot, changed);
		if (slot->row.kind == ROW_KEY) {
			forget(view, slot);
			continue;
		}
		list_remove(&slot->changed);
		slot->is_dispatched = false;
		slot->row.stored_version = slot->row.version;
		slot->loaded_step = view->step;
		view->dispatched_count--;
	}
	forget_down_to(view, view->rows_max);
}

void view_aborted(struct view *view, struct list *dispatched)
{
	assert(view->main == NULL);
	assert(view != NULL && is_between_steps(view));
	assert(dispatched != NULL);
	while (!list_is_empty(dispatched))
		forget(view, container_of(dispatched->head.next, struct slot, changed));
	forget_down_to(view, view->rows_max);
}

void view_forget(struct view *view, const struct row *row)
{
	assert(view != NULL && is_between_steps(view));
	struct row_key key = row_key_of(row);
	struct slot *own = find(view, &key, key_hash(view, &key));
	if (own != NULL && !own->is_dispatched)
		forget(view, own);
}

uint64_t view_epoch(const struct view *view)
{
	assert(view != NULL);
	return view->epoch;
}

bool view_enter_epoch(struct view *view, uint64_t epoch)
{
	assert(view != NULL && epoch > 0);
	bool is_other = view->epoch != epoch && view->slots.count > 0;
	if (is_other)
		view_clear(view);
	view->epoch = epoch;
	return !is_other;
}

uint64_t view_now_ms(const struct view *view)
{
	assert(view != NULL && view->step > 0);
	return view->now_ms;
}

uint32_t view_row_count(const struct view *view)
{
	assert(view != NULL);
	return view->slots.count;
}

uint32_t view_dispatched_count(const struct view *view)
{
	assert(view != NULL);
	return view->main != NULL ? view->main->dispatched_count : view->dispatched_count;
}

struct hlc *view_clock(struct view *view)
{
	assert(view != NULL);
	return &view->clock;
}

/* Recency is the view's own bookkeeping, so a const view may be looked into. */
const void *view_find(const struct view *view, const struct row_key *key)
{
	assert(view != NULL && key != NULL);
	assert(key->first != NULL);
	uint64_t hash = key_hash(view, key);
	const struct view *home = view->main != NULL ? view->main : view;
	struct slot *slot = find(home, key, hash);
	if (slot == NULL && home != view) {
		home = view;
		slot = find(home, key, hash);
	}
	if (slot == NULL)
		return NULL;
	if (home->recency.head.previous != &slot->recency) {
		struct view *own = (struct view *)(uintptr_t)home;
		list_remove(&slot->recency);
		list_push(&own->recency, &slot->recency);
	}
	return &slot->row;
}

/* Takes ownership of the slot, which is set but for its place; no row has its key. */
static void link_slot(struct view *view, struct slot *slot)
{
	assert(!slot->is_changed && !slot->is_dispatched && !slot->is_relied_on);
	hash_table_put(&view->slots, &slot->node, slot->node.hash);
	hash_table_grow(&view->slots);
	slot->loaded_step = view->step;
	list_push(&view->recency, &slot->recency);
	if (is_transient(slot))
		view->transient_count++;
	hlc_observe(&view->clock, slot->row.version);
}

/* A slot with a copy of the row, which is unchanged and has no place yet. */
static struct slot *make_slot(struct view *view, enum row_kind kind, const struct row *row)
{
	assert(kind < ROW_KIND_COUNT);
	struct slot *slot = malloc(offsetof(struct slot, row) + row_size(kind, row));
	view->lacks_memory |= slot == NULL;
	if (slot == NULL)
		return NULL;
	slot->is_changed = slot->is_dispatched = slot->is_relied_on = false;
	row_copy_to(&slot->row, kind, row)->stored_version = row->version;
	struct row_key key = row_key_of(&slot->row);
	slot->node.hash = key_hash(view, &key);
	return slot;
}

bool view_take_lack_of_memory(struct view *view)
{
	assert(view != NULL);
	bool lacks_memory = view->lacks_memory;
	view->lacks_memory = false;
	return lacks_memory;
}

static struct slot *find_same(const struct view *view, const struct slot *slot)
{
	struct row_key key = row_key_of(&slot->row);
	return find(view, &key, slot->node.hash);
}

void *view_put(struct view *view, enum row_kind kind, const struct row *row)
{
	assert(view != NULL && row != NULL);
	struct slot *slot = make_slot(view, kind, row);
	if (slot == NULL)
		return NULL;
	struct slot *old = find_same(view, slot);
	if (old != NULL) {
		assert(!old->is_changed && !old->is_dispatched);
		if (old->row.version != row->version)
			shard_set_add(&view->moved, row_shard(&old->row));
		forget(view, old);
	}
	link_slot(view, slot);
	return &slot->row;
}

void *view_replace(struct view *view, enum row_kind kind, const struct row *row)
{
	assert(view != NULL && row != NULL);
	struct slot *slot = make_slot(view, kind, row);
	if (slot == NULL)
		return NULL;
	struct slot *old = find_same(view, slot);
	assert(old != NULL && old->row.version != 0 && !old->is_dispatched);
	slot->row.version = old->row.version;
	slot->row.stored_version = old->row.stored_version;
	forget(view, old);
	link_slot(view, slot);
	return &slot->row;
}

bool view_absorb(struct view *overlay)
{
	assert(overlay != NULL && overlay->main != NULL);
	bool is_newer = overlay->epoch > overlay->main->epoch;
	bool is_same = overlay->epoch == overlay->main->epoch || (is_newer && view_enter_epoch(overlay->main, overlay->epoch));
	if (!is_same && !is_newer)
		view_clear(overlay);
	for (struct list_node *node; (node = list_pop(&overlay->recency)) != NULL;) {
		struct slot *slot = container_of(node, struct slot, recency);
		hash_table_remove(&overlay->slots, &slot->node);
		if (find_same(overlay->main, slot) == NULL)
			link_slot(overlay->main, slot);
		else
			free(slot);
	}
	overlay->transient_count = 0;
	return is_same;
}

void view_change(struct view *view, struct row *row, uint64_t version)
{
	assert(view->main == NULL);
	assert(view != NULL && row != NULL && version > row->version);
	struct slot *slot = slot_of(row);
	assert(!slot->is_dispatched);
	if (is_transient(slot) && !slot->is_changed)
		view->transient_count--;
	row->version = version;
	if (slot->is_changed)
		return;
	slot->is_changed = true;
	view->changed_count++;
	list_push(&view->changed, &slot->changed);
}

bool view_has_changes(const struct view *view)
{
	assert((view->changed_count > 0) == !list_is_empty(&view->changed));
	return !list_is_empty(&view->changed);
}

const struct row **view_changed(const struct view *view, struct arena *arena, uint32_t *ret_count)
{
	assert(view != NULL && arena != NULL && ret_count != NULL);
	const struct row **rows = arena_allocate(arena, view->changed_count * sizeof(const struct row *));
	uint32_t count = 0;
	for (const struct list_node *node = view->changed.head.next; rows != NULL && node != &view->changed.head; node = node->next) {
		const struct slot *slot = container_of((uintptr_t)node, const struct slot, changed);
		if (slot->row.kind != ROW_KEY)
			rows[count++] = &slot->row;
	}
	*ret_count = count;
	return rows;
}

void view_rely_on(struct view *view, const struct row *row, bool is_refusal)
{
	assert(view->main == NULL);
	assert(view != NULL && row != NULL);
	struct slot *slot = slot_of(row);
	assert(!slot->is_dispatched);
	if (slot->is_changed || slot->is_relied_on || (is_refusal && slot->loaded_step == view->step))
		return;
	slot->is_relied_on = true;
	view->relied_count++;
}

const struct row **view_relied(const struct view *view, struct arena *arena, uint32_t *ret_count)
{
	assert(view != NULL && arena != NULL && ret_count != NULL);
	const struct row **rows = arena_allocate(arena, view->relied_count * sizeof(const struct row *));
	if (rows == NULL)
		return NULL;
	uint32_t seen = 0, count = 0;
	for (const struct list_node *node = view->recency.head.previous; seen < view->relied_count; node = node->previous) {
		assert(node != &view->recency.head);
		const struct slot *slot = container_of((uintptr_t)node, const struct slot, recency);
		if (!slot->is_relied_on)
			continue;
		seen++;
		if (slot->is_changed)
			continue;
		size_t size = row_descriptor(slot->row.kind)->size;
		struct row *copy = arena_allocate(arena, size);
		if (copy == NULL)
			return NULL;
		rows[count++] = memcpy(copy, &slot->row, size);
	}
	*ret_count = count;
	return rows;
}
