/* admission_monitor.c: a ping, and its copy for others. */
#include "app/admission_monitor.h"

#include <assert.h>

void admission_monitor_init(struct admission_monitor *monitor, struct admission *admission)
{
	assert(monitor != NULL);
	assert(admission != NULL && admission->operations->ping != NULL);
	*monitor = (struct admission_monitor){.admission = admission, .last = {.problem = "no ping has ended yet"}};
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
	monitor->admission->operations->ping(monitor->admission, &ping);
	pthread_mutex_lock(&monitor->lock);
	monitor->last = ping;
	pthread_mutex_unlock(&monitor->lock);
	return ping.is_serving && ping.problem[0] == '\0' ? ADMISSION_MONITOR_INTERVAL_MS : ADMISSION_MONITOR_RETRY_MS;
}

void admission_monitor_read(struct admission_monitor *monitor, struct admission_ping *ret_ping)
{
	assert(monitor != NULL && ret_ping != NULL);
	pthread_mutex_lock(&monitor->lock);
	*ret_ping = monitor->last;
	pthread_mutex_unlock(&monitor->lock);
}
