/* sales_metrics.h: what is sold and given back, counted from the domain events that this process has committed. Part of the instruments. */
#pragma once

#include "base/attributes.h"
#include "base/error.h"
#include "obs/metrics.h"
#include "state/changes.h"

struct sales_metrics {
	const char **currencies; /* all there are, so that none makes a series that was not foreseen */
	struct metric *events;
	struct metric *seats_sold;
	struct metric *revenue;
	struct metric *refunds_required;
	struct metric *refunds_done;
};

/* ERR_NO_MEMORY. */
must_check enum error sales_metrics_declare(struct sales_metrics *sales, struct metrics *metrics);
void sales_metrics_release(struct sales_metrics *sales);
/* Safe from any thread. */
void sales_metrics_committed(struct sales_metrics *sales, const struct changes *changes);
