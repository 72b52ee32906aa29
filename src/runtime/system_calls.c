/* system_calls.c: a program for the kernel's packet filter, which it runs before each call (seccomp(2)). Calls that it always allows the
 * kernel remembers and does not ask for again. */
#include "runtime/system_calls.h"

#include <assert.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/attributes.h"

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define ARCHITECTURE 0
#endif

/* The calls of the C library and of the clients of database, broker, cache and catalog: files, memory, threads, time, sockets. */
static const uint16_t allowed[] = {
	/* files */
	SYS_read,
	SYS_write,
	SYS_readv,
	SYS_writev,
	SYS_pread64,
	SYS_pwrite64,
	SYS_preadv,
	SYS_pwritev,
	SYS_preadv2,
	SYS_pwritev2,
	SYS_openat,
	SYS_close,
	SYS_close_range,
	SYS_lseek,
	SYS_fstat,
	SYS_newfstatat,
	SYS_statx,
	SYS_statfs,
	SYS_fstatfs,
	SYS_faccessat,
	SYS_faccessat2,
	SYS_readlinkat,
	SYS_getdents64,
	SYS_getcwd,
	SYS_fcntl,
	SYS_flock,
	SYS_ioctl,
	SYS_dup,
	SYS_dup3,
	SYS_pipe2,
	SYS_fsync,
	SYS_fdatasync,
	SYS_ftruncate,
	SYS_truncate,
	SYS_fallocate,
	SYS_fadvise64,
	SYS_sync_file_range,
	SYS_unlinkat,
	SYS_mkdirat,
	SYS_renameat,
	SYS_renameat2,
	SYS_linkat,
	SYS_fchmod,
	SYS_fchmodat,
	SYS_fchown,
	SYS_fchownat,
	SYS_utimensat,
	SYS_umask,
	SYS_copy_file_range,
	SYS_sendfile,
	SYS_splice,
	/* memory */
	SYS_brk,
	SYS_mmap,
	SYS_munmap,
	SYS_mremap,
	SYS_mprotect,
	SYS_madvise,
	SYS_msync,
	SYS_mincore,
	SYS_mlock,
	SYS_mlock2,
	SYS_munlock,
	SYS_membarrier,
	SYS_memfd_create,
	/* threads, signals, limits */
	SYS_exit,
	SYS_exit_group,
	SYS_futex,
	SYS_set_robust_list,
	SYS_get_robust_list,
	SYS_set_tid_address,
	SYS_gettid,
	SYS_getpid,
	SYS_getppid,
	SYS_getuid,
	SYS_geteuid,
	SYS_getgid,
	SYS_getegid,
	SYS_getgroups,
	SYS_getresuid,
	SYS_getresgid,
	SYS_getpgid,
	SYS_getsid,
	SYS_tgkill,
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_rt_sigpending,
	SYS_rt_sigtimedwait,
	SYS_rt_sigsuspend,
	SYS_sigaltstack,
	SYS_restart_syscall,
	SYS_sched_yield,
	SYS_sched_getaffinity,
	SYS_sched_getparam,
	SYS_sched_getscheduler,
	SYS_sched_get_priority_max,
	SYS_sched_get_priority_min,
	SYS_getcpu,
	SYS_prctl,
	SYS_prlimit64,
	SYS_getrusage,
	SYS_sysinfo,
	SYS_uname,
	SYS_getrandom,
	SYS_rseq,
	/* time and waiting */
	SYS_clock_gettime,
	SYS_clock_getres,
	SYS_clock_nanosleep,
	SYS_nanosleep,
	SYS_gettimeofday,
	SYS_times,
	SYS_getitimer,
	SYS_setitimer,
	SYS_timerfd_create,
	SYS_timerfd_settime,
	SYS_timerfd_gettime,
	SYS_eventfd2,
	SYS_signalfd4,
	SYS_ppoll,
	SYS_pselect6,
	SYS_epoll_create1,
	SYS_epoll_ctl,
	SYS_epoll_pwait,
	/* sockets; which kinds is decided below */
	SYS_socketpair,
	SYS_connect,
	SYS_bind,
	SYS_listen,
	SYS_accept,
	SYS_accept4,
	SYS_getsockname,
	SYS_getpeername,
	SYS_getsockopt,
	SYS_setsockopt,
	SYS_sendto,
	SYS_recvfrom,
	SYS_sendmsg,
	SYS_recvmsg,
	SYS_sendmmsg,
	SYS_recvmmsg,
	SYS_shutdown,
#ifdef __x86_64__
	SYS_open,
	SYS_stat,
	SYS_lstat,
	SYS_access,
	SYS_readlink,
	SYS_unlink,
	SYS_mkdir,
	SYS_rename,
	SYS_link,
	SYS_chmod,
	SYS_chown,
	SYS_dup2,
	SYS_pipe,
	SYS_poll,
	SYS_select,
	SYS_epoll_create,
	SYS_epoll_wait,
	SYS_eventfd,
	SYS_time,
	SYS_alarm,
	SYS_getdents,
	SYS_arch_prctl,
	SYS_getpgrp,
#endif
};

/* getaddrinfo asks the kernel for its addresses by AF_NETLINK. */
static const uint16_t families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

#define NEWEST_KNOWN SYS_landlock_restrict_self /* libraries try newer calls, and do without them when the kernel says that it has none */
#define REFUSED (SECCOMP_RET_ERRNO | EPERM)
#define UNKNOWN (SECCOMP_RET_ERRNO | ENOSYS)
#define INSTRUCTIONS_MAX (ARRAY_LENGTH(allowed) + ARRAY_LENGTH(families) + 24)

static_assert(ARRAY_LENGTH(allowed) < UINT8_MAX - 8, "a jump to the end would be too far");

struct program {
	struct sock_filter instructions[INSTRUCTIONS_MAX];
	uint16_t length;
};

static void add(struct program *program, uint16_t code, uint32_t value, size_t if_true, size_t if_false)
{
	assert(program->length < INSTRUCTIONS_MAX && if_true <= UINT8_MAX && if_false <= UINT8_MAX);
	program->instructions[program->length++] =
		(struct sock_filter){.code = code, .jt = (uint8_t)if_true, .jf = (uint8_t)if_false, .k = value};
}

static void load(struct program *program, size_t offset)
{
	add(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void answer(struct program *program, uint32_t value)
{
	add(program, BPF_RET | BPF_K, value, 0, 0);
}

/* Another architecture's calls have other numbers. */
static void add_architecture(struct program *program)
{
	load(program, offsetof(struct seccomp_data, arch));
	add(program, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
	answer(program, UNKNOWN);
}

/* Threads, but no processes. clone3 has its flags in memory, where no filter sees them: the C library makes do with clone. */
static void add_threads(struct program *program)
{
	add(program, BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1);
	answer(program, UNKNOWN);
	add(program, BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4);
	load(program, offsetof(struct seccomp_data, args[0]));
	add(program, BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1);
	answer(program, SECCOMP_RET_ALLOW);
	answer(program, REFUSED);
}

static void add_sockets(struct program *program)
{
	add(program, BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, ARRAY_LENGTH(families) + 3);
	load(program, offsetof(struct seccomp_data, args[0]));
	for (size_t i = 0; i < ARRAY_LENGTH(families); i++)
		add(program, BPF_JMP | BPF_JEQ | BPF_K, families[i], ARRAY_LENGTH(families) - i, 0);
	answer(program, REFUSED);
	answer(program, SECCOMP_RET_ALLOW);
}

static void add_others(struct program *program)
{
	for (size_t i = 0; i < ARRAY_LENGTH(allowed); i++)
		add(program, BPF_JMP | BPF_JEQ | BPF_K, allowed[i], ARRAY_LENGTH(allowed) - i + 2, 0);
	add(program, BPF_JMP | BPF_JGT | BPF_K, NEWEST_KNOWN, 1, 0);
	answer(program, REFUSED);
	answer(program, UNKNOWN);
	answer(program, SECCOMP_RET_ALLOW);
}

bool system_calls_confine(void)
{
	struct program program = {.length = 0};
	add_architecture(&program);
	load(&program, offsetof(struct seccomp_data, nr));
	add_threads(&program);
	add_sockets(&program);
	add_others(&program);
	const struct sock_fprog filter = {.len = program.length, .filter = program.instructions};
	return ARCHITECTURE != 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}
