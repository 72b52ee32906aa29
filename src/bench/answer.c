/* answer.c: one walk over the members of an answer; it ignores members that it does not know. */
#include "bench/answer.h"

#include <assert.h>

#include "base/hash.h"
#include "base/time.h"
#include "bench/seat_plan.h"

struct slice answer_text(struct json_value value)
{
	if (json_kind(value) != JSON_KIND_STRING)
		return (struct slice){0};
	return (struct slice){.data = value.text.data + 1, .length = value.text.length - 2};
}

uint64_t answer_hash(struct slice body)
{
	static const struct hash_seed seed = {.k0 = UINT64_C(0x74726f2062656e63), .k1 = UINT64_C(0x68)};
	return hash_bytes(&seed, body.data, body.length) >> 1;
}

bool answer_uint(struct json_value value, uint64_t *ret_number)
{
	int64_t number;
	if (json_kind(value) != JSON_KIND_NUMBER || !json_to_integer(value, &number) || number < 0)
		return false;
	*ret_number = (uint64_t)number;
	return true;
}

/* The object that a body is. */
static bool open_body(struct slice body, struct json_value *ret_object)
{
	struct json_problem problem;
	return json_check(body, ret_object, &problem) && json_kind(*ret_object) == JSON_KIND_OBJECT;
}

bool answer_read_hold(struct slice body, struct hold_answer *ret_hold)
{
	assert(ret_hold != NULL);

	struct json_value object, name, value;
	if (!open_body(body, &object))
		return false;
	struct hold_answer hold = {0};
	uint32_t found = 0;
	for (struct json_walk walk = json_walk(object); json_next_member(&walk, &name, &value);) {
		if (json_string_equal(name, SLICE("hold_id")))
			found += uuid_parse(answer_text(value), &hold.hold_id);
		else if (json_string_equal(name, SLICE("event_id")))
			found += uuid_parse(answer_text(value), &hold.event_id);
		else if (json_string_equal(name, SLICE("expires_at")))
			found += time_parse(answer_text(value), &hold.expires_at_ms);
		else if (json_string_equal(name, SLICE("user_id")))
			hold.user = answer_text(value);
		else if (json_string_equal(name, SLICE("status")))
			hold.state = claim_state_parse(answer_text(value));
		else if (json_string_equal(name, SLICE("seats")))
			hold.seats = value;
	}
	if (found != 3 || hold.user.length == 0 || hold.state == STATE_NONE || hold.seats.text.length == 0)
		return false;
	*ret_hold = hold;
	return true;
}

bool answer_read_order(struct slice body, struct order_answer *ret_order)
{
	assert(ret_order != NULL);

	struct json_value object, name, value;
	if (!open_body(body, &object))
		return false;
	struct order_answer order = {0};
	uint32_t found = 0;
	for (struct json_walk walk = json_walk(object); json_next_member(&walk, &name, &value);) {
		if (json_string_equal(name, SLICE("order_id")))
			found += uuid_parse(answer_text(value), &order.order_id);
		else if (json_string_equal(name, SLICE("hold_id")))
			found += uuid_parse(answer_text(value), &order.hold_id);
		else if (json_string_equal(name, SLICE("pay_by")))
			found += time_parse(answer_text(value), &order.pay_by_ms);
		else if (json_string_equal(name, SLICE("total")))
			found += answer_uint(value, &order.total);
		else if (json_string_equal(name, SLICE("user_id")))
			order.user = answer_text(value);
		else if (json_string_equal(name, SLICE("status")))
			order.state = claim_state_parse(answer_text(value));
		else if (json_string_equal(name, SLICE("items")))
			order.items = value;
		else if (json_string_equal(name, SLICE("refund_required")))
			order.refund_required = json_kind(value) == JSON_KIND_BOOLEAN && json_to_boolean(value);
	}
	if (found != 4 || order.user.length == 0 || order.state == STATE_NONE || order.items.text.length == 0)
		return false;
	*ret_order = order;
	return true;
}

/* A string member of the body; empty when there is none. */
static struct slice body_text(struct slice body, struct slice name)
{
	struct json_value object, value;
	if (!open_body(body, &object) || !json_member(object, name, &value))
		return (struct slice){0};
	return answer_text(value);
}

bool answer_read_event(struct slice body, struct uuid *ret_event_id)
{
	return uuid_parse(body_text(body, SLICE("event_id")), ret_event_id);
}

struct slice answer_problem(struct slice body)
{
	struct slice type = body_text(body, SLICE("type"));
	if (slice_is_empty(type))
		return type;
	size_t start = type.length;
	while (start > 0 && type.data[start - 1] != '/' && type.data[start - 1] != '#')
		start--;
	return (struct slice){.data = type.data + start, .length = type.length - start};
}

bool answer_next_cursor(struct slice body, struct slice *ret_cursor)
{
	struct json_value page, cursor;
	if (!open_body(body, &page) || !json_member(page, SLICE("next_cursor"), &cursor))
		return false;
	*ret_cursor = answer_text(cursor);
	return true;
}

bool answer_names_seats(struct json_value seats, struct wire_seats expected)
{
	if (json_kind(seats) != JSON_KIND_ARRAY)
		return false;
	struct json_walk walk = json_walk(seats);
	struct json_value item;
	for (uint32_t i = 0; i < expected.count; i++) {
		struct seat_label_text label = seat_plan_label(expected.first + i);
		if (!json_next_item(&walk, &item) ||
		    !slice_equal(answer_text(item), (struct slice){.data = label.text, .length = label.length}))
			return false;
	}
	return !json_next_item(&walk, &item);
}

bool answer_names_taken(struct slice body, struct wire_seats asked)
{
	struct json_value object, seats, item;
	if (!open_body(body, &object) || !json_member(object, SLICE("seats"), &seats) || json_kind(seats) != JSON_KIND_ARRAY)
		return false;
	uint32_t count = 0;
	for (struct json_walk walk = json_walk(seats); json_next_item(&walk, &item); count++) {
		uint32_t seat;
		if (!seat_plan_parse(answer_text(item), &seat) || seat < asked.first || seat - asked.first >= asked.count)
			return false;
	}
	return count >= 1 && count <= asked.count;
}

/* One item: {seat, price}. */
static bool bills_seat(struct json_value item, uint32_t seat)
{
	struct json_value label, price;
	uint64_t amount;
	uint32_t billed;
	return json_kind(item) == JSON_KIND_OBJECT && json_member(item, SLICE("seat"), &label) &&
	       json_member(item, SLICE("price"), &price) && seat_plan_parse(answer_text(label), &billed) && billed == seat &&
	       answer_uint(price, &amount) && amount == seat_plan_price(seat);
}

bool answer_bills_seats(const struct order_answer *order, struct wire_seats expected)
{
	if (json_kind(order->items) != JSON_KIND_ARRAY)
		return false;
	struct json_walk walk = json_walk(order->items);
	struct json_value item;
	uint64_t total = 0;
	for (uint32_t i = 0; i < expected.count; i++) {
		if (!json_next_item(&walk, &item) || !bills_seat(item, expected.first + i))
			return false;
		total += seat_plan_price(expected.first + i);
	}
	return !json_next_item(&walk, &item) && order->total == total;
}
