/* decide.h: the rules. Pure: no I/O, no clock, nothing changed but `changes` and the outcome.
 *
 * Appends the events of the command in order and fills the outcome; on a refusal appends nothing. The last event is the one that answers:
 * it carries the command's key, and its data becomes the outcome's body, which decide fills only for a replay.
 * A success may append nothing: things are already as the command asks. The view holds everything that command_needs named.
 *
 * Returns OK when the outcome is decided, whatever it is; ERR_NO_MEMORY; ERR_CORRUPT when the view contradicts itself, as rows read at
 * different moments may: load again. */
#pragma once

#include "base/error.h"
#include "domain/command.h"
#include "domain/outcome.h"
#include "domain/state.h"

must_check enum error decide(const struct command *command, const struct view *view, struct changes *changes, struct outcome *ret_outcome);
