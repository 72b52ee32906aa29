/* sales_metrics.h: counts sales and refunds from the domain events that this process has committed. Part of the instruments. */
#pragma once

#include "base/attributes.h"
#include "base/error.h"
#include "obs/metrics.h"
#include "state/changes.h"

struct sales_metrics {
	const char **currencies; /* all there are, so that no other makes a series */
	struct metric *events;
	struct metric *seats_sold;
	struct metric *revenue;
	struct metric *refunds_required;
	struct metric *refunds_done;
};

/* ERR_NO_MEMORY. */
must_check enum error sales_metrics_declare(struct sales_metrics *sales, struct metrics *metrics);
void sales_metrics_release(struct sales_metrics *sales);
/* The series of events are there from the start, those of a currency from its first event on: at 0 before anything is sold. */
void sales_metrics_show(struct sales_metrics *sales);
void sales_metrics_show_currency(struct sales_metrics *sales, uint32_t currency);
/* Safe from any thread. */
void sales_metrics_committed(struct sales_metrics *sales, const struct changes *changes);
