/* journal_read.c: reads the lines back through the same functions of the ledger that wrote them. */
#include "bench/journal_read.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/answer.h"
#include "bench/seat_plan.h"
#include "codec/json_reader.h"

/* A line as it was read. Claims and events are numbered within their run. */
struct line {
	struct slice fact;
	uint64_t at, claim, event, user, seats, seat_count, expires_at, pay_by, body;
	struct uuid event_id, hold_id, order_id, key;
	uint32_t first_seat;
	enum claim_state state;
	uint32_t present; /* bits of enum field_name */
};

enum field_name {
	AT,
	CLAIM,
	EVENT,
	USER,
	SEATS,
	SEAT_COUNT,
	EXPIRES_AT,
	PAY_BY,
	BODY,
	EVENT_ID,
	HOLD_ID,
	ORDER_ID,
	KEY,
	FIRST_SEAT,
	STATE,
	FACT
};

#define HAS(name) (1u << (name))

/* Reads one member into the line; false when its value is not what it should be. Members nobody knows are passed over. */
static bool read_member(struct line *line, struct json_value name, struct json_value value)
{
	static const struct {
		const char *name;
		enum { IS_UINT, IS_UUID, IS_SEAT, IS_STATE, IS_TEXT } kind;
		size_t offset;
	} fields[] = {
		[AT] = {"at", IS_UINT, offsetof(struct line, at)},
		[CLAIM] = {"claim", IS_UINT, offsetof(struct line, claim)},
		[EVENT] = {"event", IS_UINT, offsetof(struct line, event)},
		[USER] = {"user", IS_UINT, offsetof(struct line, user)},
		[SEATS] = {"seats", IS_UINT, offsetof(struct line, seats)},
		[SEAT_COUNT] = {"seat_count", IS_UINT, offsetof(struct line, seat_count)},
		[EXPIRES_AT] = {"expires_at", IS_UINT, offsetof(struct line, expires_at)},
		[PAY_BY] = {"pay_by", IS_UINT, offsetof(struct line, pay_by)},
		[BODY] = {"body", IS_UINT, offsetof(struct line, body)},
		[EVENT_ID] = {"event_id", IS_UUID, offsetof(struct line, event_id)},
		[HOLD_ID] = {"hold_id", IS_UUID, offsetof(struct line, hold_id)},
		[ORDER_ID] = {"order_id", IS_UUID, offsetof(struct line, order_id)},
		[KEY] = {"key", IS_UUID, offsetof(struct line, key)},
		[FIRST_SEAT] = {"first_seat", IS_SEAT, offsetof(struct line, first_seat)},
		[STATE] = {"state", IS_STATE, offsetof(struct line, state)},
		[FACT] = {"fact", IS_TEXT, offsetof(struct line, fact)},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
		if (!json_string_equal(name, slice_of(fields[i].name)))
			continue;
		line->present |= HAS(i);
		void *field = (char *)line + fields[i].offset;
		struct slice text = answer_text(value);
		switch (fields[i].kind) {
		case IS_UINT:
			return answer_uint(value, field);
		case IS_UUID:
			return uuid_parse(text, field);
		case IS_SEAT:
			return seat_plan_parse(text, field);
		case IS_STATE:
			line->state = claim_state_parse(text);
			return line->state != STATE_NONE;
		default:
			line->fact = text;
			return true;
		}
	}
	return true;
}

/* The first numbers of the current run in the ledger. */
struct run_base {
	uint32_t claim;
	uint32_t event;
};

static bool line_has(const struct line *line, const char *fact, uint32_t members)
{
	return slice_equal_string(line->fact, fact) && (line->present & members) == members;
}

static enum error apply_hold(const struct line *line, struct ledger *ledger, const struct run_base *base)
{
	uint64_t event = base->event + line->event;
	if (event >= ledger->event_count || line->seat_count == 0 || line->user >= WIRE_USERS_MAX ||
	    line->seat_count > ledger->events[event].seats || line->first_seat > ledger->events[event].seats - line->seat_count ||
	    base->claim + line->claim != ledger->claim_count)
		return ERR_CORRUPT;
	const struct claim claim = {
		.hold = {.id = line->hold_id, .deadline_ms = line->expires_at, .body_hash = line->body},
		.key = line->key,
		.event = (uint32_t)event,
		.user = (uint32_t)line->user,
		.first_seat = line->first_seat,
		.seat_count = (uint32_t)line->seat_count,
	};
	uint32_t index;
	return ledger_hold(ledger, &claim, line->at, &index);
}

static enum error apply_line(const struct line *line, struct ledger *ledger, struct run_base *base)
{
	if (line_has(line, "run", HAS(AT))) {
		*base = (struct run_base){.claim = ledger->claim_count, .event = ledger->event_count};
		return OK;
	}
	if (line_has(line, "event", HAS(EVENT_ID) | HAS(SEATS)))
		return line->seats > SEAT_PLAN_SEATS_MAX ? ERR_CORRUPT : ledger_add_event(ledger, &line->event_id, (uint32_t)line->seats);
	const uint32_t claim_members = HAS(AT) | HAS(CLAIM) | HAS(HOLD_ID);
	if (line_has(line, "hold",
	             claim_members | HAS(EVENT) | HAS(USER) | HAS(FIRST_SEAT) | HAS(SEAT_COUNT) | HAS(EXPIRES_AT) | HAS(KEY) | HAS(BODY)))
		return apply_hold(line, ledger, base);
	uint64_t index = base->claim + line->claim;
	if ((line->present & claim_members) != claim_members || index >= ledger->claim_count ||
	    !uuid_equal(&line->hold_id, &ledger->claims[index].hold.id))
		return ERR_CORRUPT;
	if (line_has(line, "asked", HAS(STATE)))
		return ledger_asked(ledger, (uint32_t)index, line->state, line->at);
	if (line_has(line, "settled", HAS(STATE)))
		return ledger_settled(ledger, (uint32_t)index, line->state, line->at);
	if (line_has(line, "order", HAS(ORDER_ID) | HAS(PAY_BY) | HAS(BODY))) {
		const struct fact order = {.id = line->order_id, .deadline_ms = line->pay_by, .body_hash = line->body};
		return ledger_order(ledger, (uint32_t)index, &order, line->at);
	}
	return ERR_CORRUPT;
}

static enum error read_line(struct slice text, struct ledger *ledger, struct run_base *base)
{
	struct line line = {0};
	struct json_value object, name, value;
	struct json_problem problem;
	if (!json_check(text, &object, &problem) || json_kind(object) != JSON_KIND_OBJECT)
		return ERR_CORRUPT;
	for (struct json_walk walk = json_walk(object); json_next_member(&walk, &name, &value);) {
		if (!read_member(&line, name, value))
			return ERR_CORRUPT;
	}
	return apply_line(&line, ledger, base);
}

enum error journal_read(const char *path, struct ledger *ledger, uint64_t *ret_line)
{
	assert(path != NULL && ledger != NULL && ret_line != NULL);
	assert(ledger->journal == NULL);

	FILE *file = fopen(path, "re");
	if (file == NULL)
		return ERR_SYSTEM;
	char *text = NULL;
	size_t capacity = 0;
	ssize_t length;
	uint64_t number = 0;
	struct run_base base = {.claim = ledger->claim_count, .event = ledger->event_count};
	enum error error = OK;
	while (error == OK && (length = getline(&text, &capacity, file)) > 0) {
		number++;
		if (text[length - 1] != '\n')
			break;
		error = read_line((struct slice){.data = text, .length = (size_t)length - 1}, ledger, &base);
	}
	if (error == OK && ferror(file))
		error = ERR_SYSTEM;
	free(text);
	fclose(file);
	if (error != OK)
		*ret_line = number;
	return error;
}
