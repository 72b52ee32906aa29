/* sequences.h: which events of each stream have come, to notice those that come twice, too early, too late or not at all.
 *
 * Bounded: at least the last SEQUENCES_STREAMS streams are remembered, and of each the last event and the 64 before it. A stream that was
 * forgotten begins anew. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/hash.h"
#include "base/uuid.h"

#define SEQUENCES_STREAMS (256 * 1024) /* 32 MiB, taken as they come */

enum sequence_finding {
	SEQUENCE_NEXT,   /* as it should be */
	SEQUENCE_REPEAT, /* it has come before */
	SEQUENCE_GAP,    /* events before it are missing */
	SEQUENCE_LATE,   /* one that was missing */
};

struct sequences;

/* seed: random: nobody outside may guess it. is_complete: streams are seen from their first event on, so that one that does not begin with
 * 1 has a gap. NULL: out of memory. */
must_check struct sequences *sequences_new(struct hash_seed seed, bool is_complete);
/* Takes NULL. */
void sequences_free(struct sequences *sequences);

/* sequence: from 1. *ret_missing: the number of missing events before it; 0 unless SEQUENCE_GAP. */
enum sequence_finding sequences_note(struct sequences *sequences, const struct uuid *stream, uint32_t sequence, uint32_t *ret_missing);
