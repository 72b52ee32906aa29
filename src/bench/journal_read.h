/* journal_read.h: a journal (journal.h) read back into a ledger. */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "bench/ledger.h"

/* Adds the facts of all runs in the file to the ledger, which keeps no journal itself. A last line without its end is passed over: it
 * was never acknowledged to be there. ERR_SYSTEM: the file cannot be read; ERR_CORRUPT: *ret_line is the line that is not a journal's. */
must_check enum error journal_read(const char *path, struct ledger *ledger, uint64_t *ret_line);
