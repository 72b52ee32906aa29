/* needs.h: the rows a command's decision reads, and which of them the view lacks.
 *
 * Loading follows every reference that the decision follows: a taken seat names the hold or order that has it, and a lapsed hold or
 * order names all its seats, so that taking one of them can end the whole. A row shows its references only once it is loaded, so callers
 * ask for needs until none is left. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/uuid.h"
#include "domain/command.h"
#include "domain/key.h"
#include "domain/text.h"
#include "state/view.h"

/* Maximum load rounds per batch: payment → order → seats → their holds → the seats of those. */
#define NEEDS_ROUNDS_MAX 8

struct seat_name {
	struct uuid event_id;
	struct seat_label label;
};

/* Distinct keys of one load. The arrays are in the arena given to needs_init. */
struct needs {
	struct uuid *sales;
	uint32_t sale_count;
	struct seat_name *seats;
	uint32_t seat_count;
	struct uuid *holds;
	uint32_t hold_count;
	struct uuid *orders;
	uint32_t order_count;
	struct short_text *payments; /* transaction ids */
	uint32_t payment_count;
	struct uuid *refunds;
	uint32_t refund_count;
	struct idempotency *keys; /* only `key` counts */
	uint32_t key_count;
	struct arena *arena;
	uint32_t capacity[ROW_KIND_COUNT]; /* of the arrays above */
};

void needs_init(struct needs *needs, struct arena *arena);
bool needs_are_empty(const struct needs *needs);

/* Adds the rows that the command reads and the view does not have. The idempotency key is added only if `with_key`. Not yet distinct
 * across commands: needs_finish makes it so. ERR_NO_MEMORY when the arena is full. */
must_check enum error command_needs(const struct command *command, const struct view *view, bool with_key, struct needs *needs);
/* True if a row that the command reads, or its key, is dispatched (view.h): its fate is not known yet, so the command has to wait. */
bool command_meets_dispatched(const struct command *command, const struct view *view);
/* The rows that applying a stored event changes, for replay. */
must_check enum error event_needs(const struct event *event, const struct view *view, struct needs *needs);
/* Sorts and removes repeats. */
void needs_finish(struct needs *needs);
/* After a load that left out rows which are as the view has them: all named rows count as loaded in this step. False: one is not in the
 * view. */
must_check bool needs_confirm(const struct needs *needs, struct view *view);
/* Marks every row on which the decision rested (view_rely_on); call it before its events are applied. */
void command_rely(const struct command *command, struct view *view, bool is_refusal);
