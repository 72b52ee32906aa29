/* stage.h: a view with TEST_EVENT on sale, on which commands are decided and applied one after the other, for tests of the domain.
 *
 * The view is the whole world here: rows that it does not have are loaded as absent. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "domain/command.h"
#include "domain/outcome.h"
#include "state/changes.h"
#include "state/view.h"

struct stage {
	struct view *view;
	struct arena batch;   /* the changes' */
	struct arena request; /* the commands' */
	struct changes changes;
	struct outcome outcome; /* of the last command */
	const char *events;     /* types of the events of the last command: "hold.expired hold.created"; in `request` */
};

void stage_init(struct stage *stage);
void stage_release(struct stage *stage);

/* Takes what was changed for stored, and begins a step at TEST_NOW_MS + after_ms. */
void stage_step(struct stage *stage, uint64_t after_ms);

/* Loads as absent all that the command needs. */
void stage_load(struct stage *stage, const struct command *command);
/* Loads, decides and applies. Answers what decide did. */
enum error stage_try(struct stage *stage, const struct command *command);
/* The same, for a command that can be decided. Answers the outcome's error. */
enum error stage_run(struct stage *stage, const struct command *command);

/* Commands in one word each; the answer is that of stage_run. */
enum error stage_take(struct stage *stage, uint32_t hold, const char *user, const char *seats);
enum error stage_give_back(struct stage *stage, uint32_t hold, const char *user);
enum error stage_expire_hold(struct stage *stage, uint32_t hold);
enum error stage_buy(struct stage *stage, uint32_t order, const char *user, uint32_t hold);
enum error stage_cancel(struct stage *stage, uint32_t order, const char *user);
enum error stage_expire_order(struct stage *stage, uint32_t order);
enum error stage_pay(struct stage *stage, uint32_t order, const char *transaction);
enum error stage_fail(struct stage *stage, uint32_t order, const char *transaction);

/* The rows as they are in the view; seat: 1 to TEST_SEAT_COUNT. They can be written to, to make trouble. */
struct sale *stage_sale(struct stage *stage);
struct seat *stage_seat(struct stage *stage, uint32_t seat);
struct hold *stage_hold(struct stage *stage, uint32_t number);
struct order *stage_order(struct stage *stage, uint32_t number);
