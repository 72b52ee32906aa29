/* store.h: the database as a process sees it: slow, busy, down, silent about what it has done, and others at work in between. */
#pragma once

#include "tests/sim/process.h"

/* The operations of process->store. */
extern const struct store_operations sim_store_operations;
