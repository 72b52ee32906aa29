/* bench.h: the load generator: loads a running server over HTTP, measures it, and then holds it to everything it has acknowledged.
 *
 * It makes its own events and buyers, so it needs the secrets, and rate limits have to be off. One thread, a few microseconds a request. */
#pragma once

#include <stdint.h>

#include "bench/options.h"

/* Runs one scenario. The report, which is always filled and must be released, has the errors. */
void bench_run(const struct bench_options *options, struct bench_report *ret_report);
/* Reads the facts of a journal and checks a server against them; of the options only the url, the secrets and those about waiting and
 * checking matter. */
void bench_verify(const struct bench_options *options, struct bench_report *ret_report);

/* The scenarios one by one; NULL after the last. */
const struct bench_scenario *bench_scenario_at(uint32_t index);
