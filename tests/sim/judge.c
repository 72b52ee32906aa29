/* judge.c: the model is asked what was right, and the answer compared. */
#include "tests/sim/judge.h"

#include <assert.h>
#include <string.h>

#include "tests/sim/situation.h"
#include "tests/sim/world.h"

static struct question question_of(const struct world *world, const struct process *process, const struct attempt *attempt)
{
	return (struct question){
		.request = &attempt->request,
		.attempt = attempt->number,
		.now_ms = process->current->decided_ms,
		.hold_ttl_ms = world->hold_ttl_ms,
		.order_ttl_ms = world->order_ttl_ms,
	};
}

static bool outcome_has_changed(const struct outcome *outcome)
{
	return outcome->error == OK && !outcome->is_replayed && outcome->body.length > 0;
}

static struct uuid stream_of(const struct expected_event *expected)
{
	switch (event_type_stream(expected->type)) {
	case STREAM_HOLD:
		return hold_id_of(expected->event, expected->number);
	case STREAM_ORDER:
		return order_id_of(expected->event, expected->number);
	case STREAM_SALE:
		break;
	}
	return event_id_of(expected->event);
}

/* The contents of a hold or an order, beside its state. */
struct expected_body {
	const uint8_t *seats;
	uint32_t seat_count;
	uint8_t user;
	uint64_t deadline_ms;
	int64_t total;
};

static struct expected_body body_of(const struct model *model, const struct expected_event *expected)
{
	if (event_type_stream(expected->type) == STREAM_HOLD) {
		const struct model_hold *hold = &model->holds[expected->number];
		return (struct expected_body){hold->seats, hold->seat_count, hold->user, hold->expires_at_ms, 0};
	}
	const struct model_order *order = &model->orders[expected->number];
	return (struct expected_body){order->seats, order->seat_count, order->user, order->pay_by_ms, order->total};
}

static bool money_is_as_expected(const struct expected_event *expected, const struct event *event)
{
	int64_t refunded = 0;
	for (uint32_t i = 0; i < event->refund_count; i++)
		refunded += event->refunds[i].amount;
	bool is_reason = event->refund_count == 0 || event->refunds[0].reason == expected->reason;
	return event->order_status == expected->reads && event->refunds_due == expected->due &&
	       event->refund_required == (expected->due > 0) && refunded == expected->refunded && is_reason;
}

static bool event_is_as_expected(const struct model *model, const struct expected_event *expected, const struct event *event)
{
	struct uuid stream_id = stream_of(expected);
	if (event->type != expected->type || event->sequence != expected->sequence || !uuid_equal(&event->stream_id, &stream_id))
		return false;
	if (event_type_stream(event->type) == STREAM_SALE)
		return true;
	struct expected_body body = body_of(model, expected);
	if (event->item_count != body.seat_count || event->deadline_ms != body.deadline_ms || event->total != body.total ||
	    !slice_equal(event->user, user_of(body.user)))
		return false;
	if (event_type_stream(event->type) == STREAM_ORDER && !money_is_as_expected(expected, event))
		return false;
	for (uint32_t i = 0; i < event->item_count; i++) {
		struct seat_label label = label_of(body.seats[i]);
		if (!seat_label_equal(&event->items[i].seat, &label))
			return false;
	}
	return true;
}

/* Whether the events from `first` on are exactly those of the answer. */
static bool events_are_as_expected(const struct model *model, const struct answer *answer, const struct changes *changes, uint32_t first)
{
	if (answer->error != OK || answer->replay_of != NOBODY || answer->event_count == 0)
		return false;
	if (first + answer->event_count > changes->event_count)
		return false;
	for (uint32_t i = 0; i < answer->event_count; i++)
		if (!event_is_as_expected(model, &answer->events[i], &changes->events[first + i]))
			return false;
	return true;
}

/* Does the command on the model as it is now; it must be just what the process has done. */
static struct answer do_now(struct world *world, const struct process *process, const struct attempt *attempt,
                            const struct changes *changes, uint32_t first)
{
	assert(world->moment_count < MOMENTS_MAX);
	struct model *next = &world->moments[world->moment_count];
	struct question question = question_of(world, process, attempt);
	*next = *world_model(world);
	struct answer answer = model_do(next, &question);
	if (!events_are_as_expected(next, &answer, changes, first))
		world_fail(world, "attempt %u was done by process %u with %s first; the model says %s with %u events, first %s",
		           attempt->number, process->number, event_type_name(changes->events[first].type), error_name(answer.error),
		           answer.event_count, answer.event_count == 0 ? "none" : event_type_name(answer.events[0].type));
	return answer;
}

/* The ids of refunds are known when they are made: that of the event. */
static void learn_refunds(struct world *world, const struct changes *changes, uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++) {
		const struct event *event = &changes->events[i];
		if (event->refund_count == 0 || event->refunds[0].status != REFUND_DUE)
			continue;
		uint32_t transaction = transaction_number(event->refunds[0].transaction_id);
		struct uuid *ids = world->refund_ids[transaction];
		ids[uuid_is_nil(&ids[0]) ? 0 : 1] = event->refunds[0].refund_id;
	}
}

static void judge_resource(struct world *world, const struct attempt *attempt, const struct answer *answer)
{
	struct uuid expected = stream_of(&answer->events[answer->event_count - 1]);
	if (!uuid_equal(&attempt->job.outcome.resource_id, &expected))
		world_fail(world, "attempt %u is answered with another resource than it changed", attempt->number);
}

void judge_commit(struct world *world, struct process *process, const struct changes *changes)
{
	uint32_t next = 0;
	list_for_each(node, &process->current->jobs) {
		struct attempt *attempt = attempt_of(container_of(node, struct job, node));
		if (!outcome_has_changed(&attempt->job.outcome))
			continue;
		if (attempt->is_applied)
			world_fail(world, "attempt %u is done twice", attempt->number);
		if (next == changes->event_count)
			world_fail(world, "attempt %u is answered as done, and has no event", attempt->number);
		struct answer answer = do_now(world, process, attempt, changes, next);
		judge_resource(world, attempt, &answer);
		world_cover_success(world, attempt, &answer, &changes->events[next], process->current->decided_ms);
		learn_refunds(world, changes, next, answer.event_count);
		next += answer.event_count;
		attempt->is_applied = true;
		attempt->body = attempt->job.outcome.body;
		attempt->resource_id = attempt->job.outcome.resource_id;
		world->moment_count++;
		world_trace(world, "process %u commits attempt %u: %s", process->number, attempt->number,
		            event_type_name(answer.events[answer.event_count - 1].type));
	}
	if (next != changes->event_count)
		world_fail(world, "process %u commits %u events, of which %u are nobody's", process->number, changes->event_count,
		           changes->event_count - next);
	for (uint32_t i = 0; i < changes->event_count; i++)
		world_digest(world, &changes->events[i].id, sizeof changes->events[i].id);
}

static uint8_t conflicts_of(const struct outcome *outcome)
{
	uint8_t conflicts = 0;
	for (uint32_t i = 0; i < outcome->conflict_count; i++)
		for (uint32_t seat = 0; seat < SEAT_COUNT; seat++) {
			struct seat_label label = label_of(seat);
			if (seat_label_equal(&outcome->conflicts[i], &label))
				conflicts |= (uint8_t)(1 << seat);
		}
	return conflicts;
}

/* The findings for a refusal: the service may have read the taken seats one after the other, so that no moment has all of them. */
struct finding {
	bool is_right;
	uint8_t ever, always; /* seats that were taken at some moment, at all of them */
};

/* Compares the outcome, which changes nothing, with the model's at this moment, with the event's sale as it was at that. */
static void look_at_moment(const struct world *world, uint32_t moment, uint32_t sale_moment, const struct question *question,
                           const struct outcome *outcome, struct finding *finding)
{
	struct model model = world->moments[moment];
	memcpy(model.sales, world->moments[sale_moment].sales, sizeof model.sales);
	struct answer answer = model_do(&model, question);
	if (answer.replay_of != NOBODY || (answer.error != outcome->error && answer.error != OK))
		return;
	finding->ever |= answer.conflicts;
	finding->always &= answer.conflicts;
	if (answer.error == outcome->error && answer.event_count == 0 && answer.conflicts == conflicts_of(outcome) &&
	    answer.seat_index == (outcome->unknown_count > 0 ? outcome->unknown_seats[0] : 0))
		finding->is_right = true;
}

/* Nothing was changed: at some moment since the request came that was right. The sale may have been read at another than the rest. */
static void judge_unchanged(struct world *world, const struct process *process, const struct attempt *attempt)
{
	const struct outcome *outcome = &attempt->job.outcome;
	struct question question = question_of(world, process, attempt);
	struct finding finding = {.always = UINT8_MAX};
	for (uint32_t moment = world->moment_count; !finding.is_right && moment-- > attempt->first_moment;)
		look_at_moment(world, moment, moment, &question, outcome, &finding);
	for (uint32_t moment = world->moment_count; !finding.is_right && moment-- > attempt->first_moment;)
		for (uint32_t sale_moment = attempt->first_moment; !finding.is_right && sale_moment < world->moment_count; sale_moment++)
			look_at_moment(world, moment, sale_moment, &question, outcome, &finding);
	uint8_t conflicts = conflicts_of(outcome);
	if (finding.is_right || (conflicts != 0 && (conflicts & ~finding.ever) == 0 && (finding.always & ~conflicts) == 0))
		return;
	struct model model = *world_model(world);
	struct answer answer = model_do(&model, &question);
	world_fail(world, "attempt %u is answered %s by process %u, which was right at no moment; now the model says %s%s", attempt->number,
	           error_name(outcome->error), process->number, error_name(answer.error), answer.replay_of != NOBODY ? ", again" : "");
}

/* The attempt whose answer the request was to get again at some moment since it came: a key is used once for all, the report of a
 * transaction may change. NOBODY: none at any moment. */
static uint16_t replayed_attempt(const struct world *world, const struct question *question, const struct attempt *attempt)
{
	for (uint32_t moment = world->moment_count; moment-- > attempt->first_moment;) {
		struct model model = world->moments[moment];
		struct answer answer = model_do(&model, question);
		if (answer.replay_of != NOBODY && slice_equal(attempt->job.outcome.body, world->attempts[answer.replay_of].body))
			return answer.replay_of;
		if (answer.replay_of != NOBODY && attempt->request.kind != COMMAND_PAYMENT)
			return answer.replay_of;
	}
	return NOBODY;
}

static void judge_replay(struct world *world, const struct process *process, const struct attempt *attempt)
{
	const struct outcome *outcome = &attempt->job.outcome;
	struct question question = question_of(world, process, attempt);
	uint16_t number = replayed_attempt(world, &question, attempt);
	if (number == NOBODY)
		world_fail(world, "attempt %u is answered again, but its key or transaction was not used, or not answered so",
		           attempt->number);
	const struct attempt *first = &world->attempts[number];
	if (!slice_equal(outcome->body, first->body) || !uuid_equal(&outcome->resource_id, &first->resource_id))
		world_fail(world, "attempt %u is answered otherwise than attempt %u was", attempt->number, first->number);
	world_cover_replay(world, attempt, first);
}

static void judge_outcome(struct world *world, const struct process *process, const struct attempt *attempt)
{
	const struct outcome *outcome = &attempt->job.outcome;
	if (outcome->error == ERR_STORE_UNAVAILABLE) {
		if (process->current->disturbances == 0)
			world_fail(world, "attempt %u is told that the store does not serve, while it does", attempt->number);
	} else if (outcome->error == ERR_OVERLOADED) {
		/* Others were in the way of every try. */
		if (process->current->disturbances < PROCESS_TRIES_MAX - 1 && world->now_ms - process->current->began_ms < PATIENCE_MS)
			world_fail(world, "attempt %u is told that others are in the way, and they are not", attempt->number);
	} else if (outcome->error == ERR_CORRUPT) {
		world_fail(world, "attempt %u is told that stored data is wrong, which it never is", attempt->number);
	} else if (outcome->error == OK && outcome->is_replayed) {
		judge_replay(world, process, attempt);
	} else if (outcome_has_changed(outcome)) {
		if (!attempt->is_applied)
			world_fail(world, "attempt %u is answered as done, and the database does not have it", attempt->number);
	} else if (attempt->is_applied) {
		world_fail(world, "attempt %u is done, and answered as if not: %s", attempt->number, error_name(outcome->error));
	} else {
		judge_unchanged(world, process, attempt);
	}
}

/* Tells the expirer, when it was its command. */
static void finish_origin(struct attempt *attempt)
{
	if (attempt->origin == NULL)
		return;
	attempt->origin->outcome = attempt->job.outcome;
	attempt->origin->done(attempt->origin);
}

void judge_answer(struct world *world, struct process *process, struct attempt *attempt)
{
	const struct outcome *outcome = &attempt->job.outcome;
	world_trace(world, "attempt %u is answered by process %u: %s%s", attempt->number, process->number,
	            outcome->error == OK ? "OK" : error_name(outcome->error), outcome->is_replayed ? ", again" : "");
	attempt->state = ATTEMPT_ANSWERED;
	judge_outcome(world, process, attempt);
	world_cover_outcome(world, attempt);
	world_digest(world, &outcome->error, sizeof outcome->error);
	world_digest(world, outcome->body.data, outcome->body.length);
	finish_origin(attempt);
}

void judge_loss(struct world *world, struct attempt *attempt)
{
	attempt->state = ATTEMPT_LOST;
	attempt->job.outcome = (struct outcome){.error = ERR_STORE_UNAVAILABLE};
	world_cover(world, SITUATION_UNANSWERED);
	finish_origin(attempt);
}
