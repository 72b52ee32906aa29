/* span_exporter.h: the port that takes spans away. Used by one thread at a time. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "trace/span.h"

enum export_result {
	EXPORT_DONE,   /* the receiver has answered that it has them, but for those that it rejected */
	EXPORT_AGAIN,  /* the receiver has not taken them and asks for them later, or nothing could be sent */
	EXPORT_FAILED, /* they are lost, or whether the receiver has them is not known: never to be sent again */
};

#define EXPORT_PROBLEM_MAX 256

struct span_export {
	const struct span *const *spans;
	uint32_t count;
	/* The results. */
	uint32_t rejected;                /* by the receiver, of EXPORT_DONE */
	uint64_t wait_ms;                 /* of EXPORT_AGAIN: the pause that the receiver asks for; 0: none */
	char problem[EXPORT_PROBLEM_MAX]; /* one line for people, without secrets; of all but EXPORT_DONE */
};

struct span_exporter;

struct span_exporter_operations {
	/* Returns by the exporter's own timeout, and soon after give_up_ns, which may be set meanwhile. */
	enum export_result (*send)(struct span_exporter *exporter, struct span_export *export);
	void (*free)(struct span_exporter *exporter);
};

struct span_exporter {
	const struct span_exporter_operations *operations;
	_Atomic uint64_t give_up_ns; /* by the monotonic clock: the process ends; UINT64_MAX: it does not */
};

/* Takes NULL. */
static inline void span_exporter_free(struct span_exporter *exporter)
{
	if (exporter != NULL)
		exporter->operations->free(exporter);
}
