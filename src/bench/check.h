/* check.h: after the load: reads everything that was acknowledged back and lets the checker compare it. */
#pragma once

#include "bench/run.h"

/* `is_complete`: nobody else has bought seats of the ledger's events. Reads at most run->options.check answers of each kind. The report
 * has the errors and the number of answers read. */
void run_check(struct run *run, bool is_complete);
