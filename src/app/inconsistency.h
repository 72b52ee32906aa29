/* inconsistency.h: stored data that contradicts itself, in words for an operator. */
#pragma once

#include "base/uuid.h"
#include "domain/command.h"
#include "state/view.h"

#define INCONSISTENCY_ROW_MAX 160

struct inconsistency {
	struct uuid stream_id;           /* of the hold, order or event that the command is about */
	char row[INCONSISTENCY_ROW_MAX]; /* such as "seat A-1 is held by 01a2…, which is not there" */
};

/* The contradiction in the rows that the command reads; NULL for the view: they could not be read at all. */
struct inconsistency inconsistency_of(const struct command *command, const struct view *view);
