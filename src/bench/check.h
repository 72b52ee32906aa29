/* check.h: after the load: reads everything that was acknowledged back and lets the checker compare it. */
#pragma once

#include "bench/run.h"

/* `is_complete`: nobody else has bought anything of the ledger's events. At most run->options.check answers of each kind are read.
 * What was wrong is in the report, and how much was looked at. */
void run_check(struct run *run, bool is_complete);
