/* sales_watch.c: first what was paid, then what was sold: seats are sold before their money counts, and stay sold. */
#include "app/sales_watch.h"

#include <assert.h>
#include <string.h>

#include "domain/money.h"

#define SHARE 50 /* looks take at most this part of the time */
#define SEATS_NS UINT64_C(1000000000)
#define EVENTS_MAX 1000 /* looked at for their currencies at once */
#define CALL_NS UINT64_C(2000000000)

/* False: the store does not say. */
static bool look_at_refunds(struct sales_watch *watch)
{
	struct arena arena;
	struct refund_list list = {0};
	const struct refund_query query = {.status = REFUND_DUE, .limit = SALES_WATCH_REFUNDS_MAX};
	assert(watch->reader != NULL);
	arena_init(&arena, (size_t)64 * 1024, (size_t)4 << 20);
	bool is_answered = watch->reader->operations->list_refunds(watch->reader, &query, &arena, &list) == STORE_OK;
	if (is_answered) {
		watch->refunds_due = list.count;
		watch->oldest_due_ms = list.count == 0 ? 0 : list.refunds[0].created_at_ms;
	}
	arena_release(&arena);
	return is_answered;
}

/* A worker ends within a second what is due; with no worker left nobody else would tell. False: the store does not say. */
static bool look_at_deadlines(struct sales_watch *watch)
{
	struct arena arena;
	struct due_list list = {0};
	uint64_t now_ms = clock_now_ms(watch->clock);
	arena_init(&arena, (size_t)64 * 1024, (size_t)4 << 20);
	bool is_answered = watch->reader->operations->list_due(watch->reader, now_ms, 1, &arena, &list) == STORE_OK;
	assert(!is_answered || list.count == 0 || list.items[0].deadline_ms <= now_ms);
	if (is_answered)
		watch->overdue_ms = list.count == 0 ? 0 : now_ms - list.items[0].deadline_ms;
	arena_release(&arena);
	return is_answered;
}

/* A page of the events that have come since: their money shall show before the first of it comes. */
static void look_at_currencies(struct sales_watch *watch)
{
	struct arena arena;
	const struct row **rows = NULL;
	uint32_t count = 0;
	const struct sale after = {.row = {.kind = ROW_SALE}, .event_id = watch->last_event};
	assert(currency_count() <= SALES_WATCH_CURRENCY_WORDS * 64);
	arena_init(&arena, (size_t)64 * 1024, (size_t)16 << 20);
	(void)watch->reader->operations->scan(watch->reader, ROW_SALE, &after.row, EVENTS_MAX, &arena, &rows, &count);
	for (uint32_t i = 0; i < count; i++) {
		const struct sale *sale = container_of(rows[i], const struct sale, row);
		if (sale->row.version != 0) { /* 0: it cannot be read */
			uint32_t currency = currency_index(&sale->currency);
			watch->currencies[currency / 64] |= UINT64_C(1) << currency % 64;
		}
		watch->last_event = sale->event_id;
	}
	arena_release(&arena);
}

/* The next event in turn. False: there is none. */
static bool next_event(struct sales_watch *watch, const struct seat_maps_event *events, uint32_t count)
{
	if (count == 0)
		return false;
	watch->turn = (watch->turn + 1) % count;
	watch->paid_event = events[watch->turn].event_id;
	return true;
}

static void ask_what_was_paid(struct sales_watch *watch, const struct seat_maps_event *events, uint32_t count)
{
	struct sale_account account;
	assert(!watch->has_paid);
	if (!next_event(watch, events, count))
		return;
	if (watch->reader->operations->account(watch->reader, &watch->paid_event, &account) != STORE_OK)
		return;
	watch->paid = account.paid;
	watch->has_paid = true;
	watch->paid_at_ns = clock_monotonic_ns(watch->clock);
}

static void note(struct sales_watch *watch, bool is_oversold)
{
	uint32_t i = 0;
	while (i < watch->check_count && !uuid_equal(&watch->checks[i].event_id, &watch->paid_event))
		i++;
	if (i == SEAT_MAPS_EVENTS_MAX) { /* nobody asks for the one that was checked first any more */
		memmove(&watch->checks[0], &watch->checks[1], sizeof watch->checks[0] * (SEAT_MAPS_EVENTS_MAX - 1));
		i--;
	} else if (i == watch->check_count) {
		watch->check_count++;
	}
	watch->checks[i] = (struct sales_watch_check){.event_id = watch->paid_event, .is_oversold = is_oversold};
	uint64_t oversold = 0;
	for (uint32_t j = 0; j < watch->check_count; j++)
		oversold += watch->checks[j].is_oversold;
	watch->oversold_events = oversold;
	watch->checked_events++;
}

/* SEATS_NS after the orders were asked: by then the map has what they had. */
static void compare_with_seats(struct sales_watch *watch)
{
	int64_t value;
	assert(watch->has_paid);
	watch->has_paid = false;
	if (seat_maps_sold_value(watch->maps, &watch->paid_event, &value))
		note(watch, watch->paid > value);
}

void sales_watch_step(struct sales_watch *watch, bool is_store_up)
{
	assert(watch != NULL && watch->reader != NULL && watch->clock != NULL);
	struct seat_maps_event events[SEAT_MAPS_EVENTS_MAX];
	if (!is_store_up)
		return;
	uint64_t began_ns = clock_monotonic_ns(watch->clock);
	if (watch->has_paid && began_ns >= watch->paid_at_ns + SEATS_NS)
		compare_with_seats(watch);
	if (began_ns < watch->next_ns)
		return;
	watch->reader->deadline_ns = began_ns + CALL_NS;
	bool is_known = look_at_refunds(watch) && look_at_deadlines(watch);
	look_at_currencies(watch);
	if (watch->maps != NULL && !watch->has_paid)
		ask_what_was_paid(watch, events, seat_maps_events(watch->maps, events));
	watch->reader->deadline_ns = 0;
	uint64_t pause_ns = (clock_monotonic_ns(watch->clock) - began_ns) * SHARE;
	uint64_t least_ns = UINT64_C(1000000) * SALES_WATCH_MS;
	watch->next_ns = began_ns + (pause_ns > least_ns ? pause_ns : least_ns);
	if (is_known)
		watch->known_until_ns = watch->next_ns + UINT64_C(1000000) * SALES_WATCH_KNOWN_MS;
}
