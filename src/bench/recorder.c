/* recorder.c: one window for the report, a running one for the progress line. */
#include "bench/recorder.h"

#include <assert.h>
#include <stddef.h>

#include "base/attributes.h"
#include "bench/clock.h"

const char *step_name(enum step step)
{
	static const char *const names[STEP_COUNT] = {
		[STEP_HOLD] = "hold",       [STEP_RELEASE] = "release", [STEP_ORDER] = "order", [STEP_CANCEL] = "cancel",
		[STEP_PAYMENT] = "payment", [STEP_READ] = "read",       [STEP_SEATS] = "seats", [STEP_AVAILABILITY] = "availability",
		[STEP_PAGE] = "page",       [STEP_EVENT] = "event",     [STEP_FLOW] = "flow",
	};
	assert((unsigned)step < STEP_COUNT);
	return names[step];
}

void recorder_add_begun(struct recorder *recorder, uint64_t intended_ns, uint64_t now_ns)
{
	assert(recorder != NULL && intended_ns <= now_ns);

	if (intended_ns >= recorder->from_ns && intended_ns < recorder->until_ns)
		latency_histogram_add(&recorder->begun, (now_ns - intended_ns) / NS_PER_US);
}

void recorder_add_repeated(struct recorder *recorder, enum step step, uint16_t status, uint64_t now_ns)
{
	assert(recorder != NULL && status < STATUS_COUNT);

	if (now_ns >= recorder->from_ns && now_ns < recorder->until_ns)
		recorder->steps[step].statuses[status]++;
}

void recorder_add(struct recorder *recorder, enum step step, uint16_t status, uint64_t intended_ns, uint64_t now_ns)
{
	assert(recorder != NULL && status < STATUS_COUNT);
	assert(intended_ns <= now_ns);

	uint64_t latency_us = (now_ns - intended_ns) / NS_PER_US;
	struct step_record *record = &recorder->steps[step];
	if (now_ns >= recorder->from_ns && now_ns < recorder->until_ns) {
		record->answered++;
		record->statuses[status]++;
	}
	if (intended_ns >= recorder->from_ns && intended_ns < recorder->until_ns)
		latency_histogram_add(&record->latencies, latency_us);
	if (step != STEP_FLOW) {
		recorder->requests++;
		latency_histogram_add(&recorder->current, latency_us);
	}
}
