/* test_confine.c: acts that a confined process cannot do, each tried in a child of its own, and acts that it still can. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/confine.h"

static char folder[] = "/tmp/test_confine_XXXXXX";
static struct confinement granted;

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(folder);
}

/* The answer of `attempt` in a child that was confined to the folder; the kernel of the machine must have both. */
static int confined(int (*attempt)(void))
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		confine_secrets();
		granted = confine_process(folder, (const char *const[]){NULL});
		_exit(granted.has_files && granted.has_system_calls ? attempt() : 255);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 255)
		skip();
	return WEXITSTATUS(status);
}

static int write_outside(void)
{
	return open("/tmp/test_confine_outside", O_WRONLY | O_CREAT, 0600) >= 0 ? 0 : errno;
}

static int change_folder(void)
{
	return chdir(folder) == 0 ? 0 : errno;
}

static int keep_a_file(void)
{
	char path[64];
	snprintf(path, sizeof path, "%s/file", folder);
	int file = open(path, O_RDWR | O_CREAT, 0600);
	return file >= 0 && write(file, "x", 1) == 1 && ftruncate(file, 0) == 0 && unlink(path) == 0 ? 0 : errno;
}

static int start_a_program(void)
{
	char *const arguments[] = {(char *)(uintptr_t) "true", NULL};
	execv("/bin/true", arguments);
	return errno;
}

static int start_a_process(void)
{
	pid_t child = fork();
	if (child == 0)
		_exit(0);
	return child > 0 ? 0 : errno;
}

static int look_into_another(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0 ? 0 : errno;
}

static int sniff(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0) >= 0 ? 0 : errno;
}

static int become_another(void)
{
	return setuid(65534) == 0 ? 0 : errno;
}

static int call_the_future(void)
{
	return syscall(1000) == 0 ? 0 : errno;
}

static void *do_nothing(void *context)
{
	return context;
}

static int start_a_thread(void)
{
	pthread_t thread;
	return pthread_create(&thread, NULL, do_nothing, NULL) == 0 && pthread_join(thread, NULL) == 0 ? 0 : 1;
}

static int read_a_file(void)
{
	return open("/etc/passwd", O_RDONLY) >= 0 ? 0 : errno;
}

static int open_sockets(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0 && socket(AF_INET6, SOCK_STREAM, 0) >= 0 && socket(AF_UNIX, SOCK_STREAM, 0) >= 0
	               ? 0
	               : errno;
}

static void a_confined_server_may_use_files_sockets_and_threads(void **state)
{
	(void)state;
	assert_int_equal(confined(keep_a_file), 0);
	assert_int_equal(confined(read_a_file), 0);
	assert_int_equal(confined(open_sockets), 0);
	assert_int_equal(confined(start_a_thread), 0);
}

static void nothing_outside_the_folder_is_changed(void **state)
{
	(void)state;
	assert_int_equal(confined(write_outside), EACCES);
	assert_int_not_equal(access("/tmp/test_confine_outside", F_OK), 0);
}

static void a_confined_server_may_not_start_programs_or_change_its_identity(void **state)
{
	(void)state;
	assert_int_equal(confined(start_a_program), EPERM);
	assert_int_equal(confined(start_a_process), EPERM);
	assert_int_equal(confined(look_into_another), EPERM);
	assert_int_equal(confined(sniff), EPERM);
	assert_int_equal(confined(become_another), EPERM);
	assert_int_equal(confined(change_folder), EPERM); /* nor does it change its folder */
}

static void a_call_that_is_too_new_is_not_there(void **state)
{
	(void)state;
	assert_int_equal(confined(call_the_future), ENOSYS);
}

static int tell_what_is_given_up(void)
{
	struct rlimit limit;
	bool is_done = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
	               getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0;
	return is_done ? 0 : 1;
}

static void it_is_not_dumped(void **state)
{
	(void)state;
	assert_int_equal(confined(tell_what_is_given_up), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_confined_server_may_use_files_sockets_and_threads),
		cmocka_unit_test(nothing_outside_the_folder_is_changed),
		cmocka_unit_test(a_confined_server_may_not_start_programs_or_change_its_identity),
		cmocka_unit_test(a_call_that_is_too_new_is_not_there),
		cmocka_unit_test(it_is_not_dumped),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
