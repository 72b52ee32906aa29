/* process_metrics.c: /proc/self/stat, and getrusage and getrlimit for the rest. */
#include "runtime/process_metrics.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "obs/metrics.h"

#define STAT_SIZE 1024
#define STAT_THREADS 20 /* fields of proc(5), from 1 */
#define STAT_PAGES 24

void process_metrics_init(struct process_metrics *metrics)
{
	metrics->stat = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	metrics->descriptors = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void process_metrics_release(struct process_metrics *metrics)
{
	if (metrics->stat >= 0)
		close(metrics->stat);
	if (metrics->descriptors >= 0)
		close(metrics->descriptors);
	*metrics = (struct process_metrics){.stat = -1, .descriptors = -1};
}

/* The second field is the name in parentheses, and may have blanks and parentheses in it. */
static int64_t read_stat(const struct process_metrics *metrics, int field)
{
	char text[STAT_SIZE + 1];
	assert(field > 2);
	ssize_t length = metrics->stat < 0 ? -1 : pread(metrics->stat, text, STAT_SIZE, 0);
	if (length <= 0)
		return METRIC_ABSENT;
	text[length] = '\0';
	const char *at = strrchr(text, ')');
	for (int i = 2; at != NULL && i < field; i++)
		at = strchr(at + 1, ' ');
	return at == NULL ? METRIC_ABSENT : strtoll(at, NULL, 10);
}

int64_t process_metrics_memory(const struct process_metrics *metrics)
{
	int64_t pages = read_stat(metrics, STAT_PAGES);
	return pages == METRIC_ABSENT ? METRIC_ABSENT : pages * sysconf(_SC_PAGESIZE);
}

int64_t process_metrics_threads(const struct process_metrics *metrics)
{
	return read_stat(metrics, STAT_THREADS);
}

int64_t process_metrics_cpu_us(void)
{
	struct rusage usage;
	if (getrusage(RUSAGE_SELF, &usage) != 0)
		return METRIC_ABSENT;
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000) + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static int64_t count_entries(int directory)
{
	int own = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = own < 0 ? NULL : fdopendir(own);
	if (list == NULL && own >= 0)
		close(own);
	if (list == NULL)
		return METRIC_ABSENT;
	int64_t count = 0;
	for (const struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list))
		count += entry->d_name[0] != '.';
	closedir(list);
	return count - 1; /* without the one that this took */
}

/* Since Linux 6.2 the directory's size is the answer; before, it has to be read. */
int64_t process_metrics_descriptors(const struct process_metrics *metrics)
{
	struct stat status;
	if (metrics->descriptors < 0 || fstat(metrics->descriptors, &status) != 0)
		return METRIC_ABSENT;
	return status.st_size > 0 ? status.st_size : count_entries(metrics->descriptors);
}

int64_t process_metrics_descriptors_max(void)
{
	struct rlimit limit;
	return getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT64_MAX ? METRIC_ABSENT : (int64_t)limit.rlim_cur;
}
