/* dependency_metrics.h: metrics of the systems outside: whether each serves, its circuit breaker's state, the duration of calls. */
#pragma once

#include "app/dependencies.h"
#include "base/attributes.h"
#include "base/error.h"
#include "obs/metrics.h"

/* Both outlive the scrapes; calls are measured from then on. ERR_NO_MEMORY. */
must_check enum error dependency_metrics_declare(struct metrics *metrics, struct dependencies *dependencies);
