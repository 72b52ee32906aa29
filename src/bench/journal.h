/* journal.h: the changes of a ledger as JSON lines in a file, each written when it happens, so that the facts survive the generator
 * and the server alike, and `tro bench --verify-journal` can hold the server to them. A crash of the machine may lose the last lines. */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/uuid.h"
#include "bench/claim.h"

struct journal {
	int descriptor;
	struct buffer line;
};

/* Appends to the file, which is made when it is not there. ERR_SYSTEM: errno says why; nothing to close then. */
must_check enum error journal_open(struct journal *journal, const char *path, uint64_t at_ms);
/* Takes NULL. */
void journal_close(struct journal *journal);

/* Each writes one line; a NULL journal writes none. `index` is the number of the claim in the ledger. ERR_SYSTEM: the file did not take
 * it. */
must_check enum error journal_write_event(struct journal *journal, const struct ledger_event *event);
must_check enum error journal_write_hold(struct journal *journal, uint32_t index, const struct claim *claim, const struct uuid *event_id,
                                         uint64_t at_ms);
must_check enum error journal_write_asked(struct journal *journal, uint32_t index, const struct claim *claim, enum claim_state state,
                                          uint64_t at_ms);
must_check enum error journal_write_order(struct journal *journal, uint32_t index, const struct claim *claim, uint64_t at_ms);
must_check enum error journal_write_settled(struct journal *journal, uint32_t index, const struct claim *claim, enum claim_state state,
                                            uint64_t at_ms);
