/* scrape.h: the measurements of a running service from /metrics (the Prometheus text format), and rates and quantiles of the time
 * between. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/slice.h"

struct sample {
	struct slice name;   /* tro_queue_depth */
	struct slice labels; /* lane="commit",state="x"; empty: none */
	double value;
};

struct scrape {
	struct sample *samples; /* in the arena; their text is the one that was parsed */
	uint32_t count;
	uint64_t taken_ns; /* the caller's: by the monotonic clock */
};

/* Lines that are no samples are left out. The text is borrowed as long as the scrape is used. ERR_NO_MEMORY. */
must_check enum error scrape_parse(struct slice text, struct arena *arena, struct scrape *ret_scrape);

/* The value of a label; data NULL: the sample has none of that name. Values with escaped characters are not unescaped. */
struct slice sample_label(const struct sample *sample, const char *label);
/* The sum of all samples of that name, or with `label` of those in which it has that value. 0: there is none. */
double scrape_sum(const struct scrape *scrape, const char *name, const char *label, struct slice value);
/* The increase of that sum a second; 0 when `before` is no earlier or counted more: the process began anew. */
double scrape_rate(const struct scrape *before, const struct scrape *now, const char *name, const char *label, struct slice value);
/* The quantile (0 to 1) of a histogram's counts between the two, of all its series together, as Prometheus interpolates it; negative:
 * nothing was counted. */
double scrape_quantile(const struct scrape *before, const struct scrape *now, const char *name, double quantile);
