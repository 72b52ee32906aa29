/* process.c: descriptors, signals, and the lock of the data directory. */
#include "runtime/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file_owner.h"
#include "base/time.h"
#include "runtime/supervisor.h"

#define DESCRIPTORS_KEPT 256

uint32_t process_raise_descriptor_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return UINT32_MAX;
	rlim_t before = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		limit.rlim_cur = before;
	if (limit.rlim_cur > UINT32_MAX)
		return UINT32_MAX;
	uint32_t descriptors = (uint32_t)limit.rlim_cur;
	uint32_t kept = descriptors / 4 < DESCRIPTORS_KEPT ? descriptors / 4 : DESCRIPTORS_KEPT;
	return descriptors - kept > 0 ? descriptors - kept : 1;
}

static sigset_t stop_signals(void)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	return signals;
}

void process_hold_signals(bool holds_hangup)
{
	sigset_t signals = stop_signals();
	sigaddset(&signals, SIGUSR1);
	if (holds_hangup)
		sigaddset(&signals, SIGHUP);
	(void)signal(SIGPIPE, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

bool process_is_told_to_stop(void)
{
	sigset_t pending;
	return sigpending(&pending) == 0 && (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

static void exit_at_once(int signal_number)
{
	(void)signal_number;
	_exit(1);
}

/* The first SIGINT, after a SIGTERM. */
static void note_interrupt(int signal_number)
{
	(void)signal_number;
	struct sigaction impatience = {.sa_handler = exit_at_once};
	sigaction(SIGINT, &impatience, NULL);
}

/* Meanwhile the supervisor hears that this process lives. */
static int wait_for_signal(void)
{
	sigset_t signals = stop_signals();
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGHUP); /* comes only where it is held */
	uint64_t watchdog_ns = supervisor_watchdog_ns();
	struct timespec pause = {.tv_sec = (time_t)(watchdog_ns / 1000000000), .tv_nsec = (long)(watchdog_ns % 1000000000)};
	for (;;) {
		if (watchdog_ns > 0)
			supervisor_tell("WATCHDOG=1");
		int received = watchdog_ns > 0 ? sigtimedwait(&signals, NULL, &pause) : sigwaitinfo(&signals, NULL);
		if (received > 0)
			return received;
	}
}

void process_wait_for_stop(void (*poked)(void *context, int signal_number), void *context)
{
	sigset_t interrupt;
	int received = wait_for_signal();
	for (; received == SIGUSR1 || received == SIGHUP; received = wait_for_signal())
		poked(context, received);
	struct sigaction next = {.sa_handler = received == SIGINT ? exit_at_once : note_interrupt};
	sigaction(SIGINT, &next, NULL);
	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	pthread_sigmask(SIG_UNBLOCK, &interrupt, NULL); /* SIGTERM stays blocked */
}

/* Only what a signal handler may call. */
static void give_up(int signal_number)
{
	static const char words[] = "\",\"level\":\"error\",\"message\":\"the stop took too long and was ended\"}\n";
	char line[16 + TIME_TEXT_LENGTH + sizeof words] = "{\"time\":\"";
	struct timespec now;
	(void)signal_number;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	size_t length = strlen(line);
	time_format((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000, line + length);
	length += TIME_TEXT_LENGTH;
	memcpy(line + length, words, sizeof words - 1);
	(void)!write(STDERR_FILENO, line, length + sizeof words - 1); /* nothing else can be done about it */
	_exit(1);
}

void process_end_within(unsigned seconds)
{
	struct sigaction end = {.sa_handler = give_up};
	sigaction(SIGALRM, &end, NULL);
	(void)alarm(seconds);
}

bool process_make_folder(const char *data_dir, char *message, unsigned long message_size)
{
	if (mkdir(data_dir, 0700) == 0 || errno == EEXIST)
		return true;
	snprintf(message, message_size, "DATA_DIR %s cannot be made: %s", data_dir, strerror(errno));
	return false;
}

bool process_lock(const char *data_dir, char *message, unsigned long message_size)
{
	char path[4096];
	if (!process_make_folder(data_dir, message, message_size))
		return false;
	int length = snprintf(path, sizeof path, "%s/lock", data_dir);
	int file = length < 0 || (size_t)length >= sizeof path ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (file < 0) {
		snprintf(message, message_size, "DATA_DIR %s cannot be written to: %s", data_dir, strerror(errno));
		return false;
	}
	if (!file_owner_as_folder(file, path)) {
		snprintf(message, message_size, "%s cannot be given the owner of DATA_DIR: %s", path, strerror(errno));
		close(file);
		return false;
	}
	if (flock(file, LOCK_EX | LOCK_NB) != 0) {
		snprintf(message, message_size, "another server runs on DATA_DIR %s", data_dir);
		close(file);
		return false;
	}
	return true; /* the descriptor stays open: the system gives the lock back when the process ends, however it ends */
}
