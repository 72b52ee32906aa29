/* readiness.c: see readiness.h. */
#include "app/readiness.h"

#include <assert.h>

enum ready_state ready_report_state(const struct ready_report *report)
{
	assert(report->count <= READY_DEPENDENCIES_MAX);
	enum ready_state worst = report->is_stopping ? READY_DOWN : READY_UP;
	for (uint32_t i = 0; i < report->count; i++)
		if (report->dependencies[i].state > worst)
			worst = report->dependencies[i].state;
	return worst;
}
