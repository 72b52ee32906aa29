/* readiness.h: whether a process serves the requests that come to it, and the states of its dependencies. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define READY_DEPENDENCIES_MAX 8
#define READY_DETAIL_MAX 256

enum ready_state {
	READY_UP,
	READY_DEGRADED, /* it works by other means, or lags */
	READY_DOWN,     /* without it requests are refused */
};

struct ready_dependency {
	const char *name; /* static: "store", "clock", "catalog", "admission", "bus", "token keys" */
	enum ready_state state;
	const char *circuit;           /* static: "closed", "half-open" or "open" of what stands before it; NULL: nothing does */
	double latency_ms;             /* of the last probe; negative: none yet */
	char detail[READY_DETAIL_MAX]; /* why it is not up; empty when it is */
};

struct ready_report {
	bool is_stopping; /* a graceful stop is under way: not ready, whatever the dependencies say */
	uint32_t count;
	struct ready_dependency dependencies[READY_DEPENDENCIES_MAX];
};

/* The overall state: the worst of all. */
enum ready_state ready_report_state(const struct ready_report *report);
