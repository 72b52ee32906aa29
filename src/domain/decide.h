/* decide.h: the rules. Pure: no I/O, no clock, nothing changed but `changes` and the outcome.
 *
 * Appends the events of the command in order and fills the outcome (all but its body); on a refusal appends nothing.
 * The view holds everything that command_needs named. Returns outcome->error, or ERR_NO_MEMORY. */
#pragma once

#include "base/error.h"
#include "domain/changes.h"
#include "domain/command.h"
#include "domain/outcome.h"
#include "domain/view.h"

enum error decide(const struct command *command, const struct view *view, struct changes *changes, struct outcome *ret_outcome);
