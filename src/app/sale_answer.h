/* sale_answer.h: the answer to a command on an event: the event's public description. */
#pragma once

#include "base/attributes.h"
#include "base/error.h"
#include "domain/command.h"
#include "domain/outcome.h"
#include "ports/reader.h"

/* Completes the body of a command on an event that succeeded; it lives in the command's arena. A creation that is answered again gets the
 * text of its first answer; a pause, a resumption or a cancelling with the event as the store now has it.
 * ERR_STORE_UNAVAILABLE, ERR_CORRUPT, ERR_NO_MEMORY. */
must_check enum error sale_answer(struct reader *reader, const struct command *command, struct outcome *outcome);
