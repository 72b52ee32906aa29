/* admission_monitor.c: a ping, and its copy for others. */
#include "app/admission_monitor.h"

#include <assert.h>

#define RETRY_MIN_MS 150 /* between pings while it does not serve */
#define RETRY_MAX_MS 350

void admission_monitor_init(struct admission_monitor *monitor, struct admission *admission, struct dependency *dependency,
                            struct clock *clock)
{
	assert(monitor != NULL);
	assert(admission != NULL && admission->operations->ping != NULL);
	*monitor = (struct admission_monitor){.admission = admission,
	                                      .dependency = dependency,
	                                      .clock = clock,
	                                      .backoff = {.base_ms = RETRY_MIN_MS, .maximum_ms = RETRY_MAX_MS},
	                                      .last = {.problem = "no ping has ended yet"}};
	pthread_mutex_init(&monitor->lock, NULL);
}

void admission_monitor_release(struct admission_monitor *monitor)
{
	if (monitor->admission != NULL)
		pthread_mutex_destroy(&monitor->lock);
	monitor->admission = NULL;
}

uint64_t admission_monitor_step(void *context)
{
	struct admission_monitor *monitor = context;
	assert(monitor != NULL && monitor->admission != NULL);
	struct admission_ping ping;
	dependency_watch(monitor->dependency);
	monitor->admission->operations->ping(monitor->admission, &ping);
	bool is_well = ping.is_serving && ping.problem[0] == '\0';
	dependency_tell(monitor->dependency, is_well, ping.problem);
	if (ping.is_serving)
		dependency_close(monitor->dependency);
	else
		(void)dependency_hold(monitor->dependency);
	pthread_mutex_lock(&monitor->lock);
	monitor->last = ping;
	pthread_mutex_unlock(&monitor->lock);
	if (is_well)
		backoff_reset(&monitor->backoff);
	/* The clock's last digits differ from process to process. */
	return is_well ? ADMISSION_MONITOR_INTERVAL_MS : backoff_next(&monitor->backoff, clock_monotonic_ns(monitor->clock));
}

void admission_monitor_read(struct admission_monitor *monitor, struct admission_ping *ret_ping)
{
	assert(monitor != NULL && ret_ping != NULL);
	pthread_mutex_lock(&monitor->lock);
	*ret_ping = monitor->last;
	pthread_mutex_unlock(&monitor->lock);
}
