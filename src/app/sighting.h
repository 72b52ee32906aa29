/* sighting.h: identifies a message from the bus: its event, its stream, and whether an earlier event is missing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/sequences.h"
#include "base/slice.h"
#include "base/uuid.h"

/* The facts about a message. */
struct sighting {
	bool is_event;      /* a CloudEvent with a stream and a sequence; else the rest is not set */
	struct slice event; /* the JSON object */
	struct slice time;  /* as written */
	struct uuid stream;
	uint32_t sequence;
	enum sequence_finding finding;
	uint32_t missing;
};

/* body: of the message; the sighting borrows from it. Notes the event among the sequences. */
struct sighting sighting_of(struct sequences *sequences, struct slice body);
