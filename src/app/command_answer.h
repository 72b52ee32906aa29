/* command_answer.h: the answer to a command that has done something: the data of its last event, or the client's part of it, and the
 * text remembered for a repeat. */
#pragma once

#include "app/job.h"
#include "base/arena.h"
#include "base/attributes.h"
#include "base/buffer.h"
#include "base/error.h"
#include "domain/event.h"
#include "state/view.h"

/* Into the arena; scratch: for the work in between, cleared. data is NULL out of memory. */
must_check struct slice command_answer(const struct event *event, struct buffer *scratch, struct arena *arena);
/* A payment reported again, whose outcome has the event's data, is answered with what that says of the order. work: for the event as it is
 * read. ERR_NO_MEMORY, or what is wrong with the data. */
must_check enum error command_answer_payment_again(struct job *job, struct buffer *scratch, struct arena *work);
/* A repeat of the event's key later in the same batch finds it used; one in another batch waits for it. ERR_NO_MEMORY. */
must_check enum error command_remember_key(const struct event *event, struct view *view);
