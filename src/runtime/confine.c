/* confine.c: see confine.h. */
#include "runtime/confine.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/system_calls.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define IS_SANITIZED true
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED false
#endif

/* Newer than the headers of Debian 12. */
#define TRUNCATE_FILE (UINT64_C(1) << 14)

void confine_secrets(void)
{
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* /proc/PID/environ and mem are root's then */
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){0});
}

/* The changes of files that this version of Landlock can forbid; the files' permissions govern reading. */
static uint64_t changes_of(long version)
{
	uint64_t changes = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
	                   LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
	                   LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
	                   LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
	if (version >= 2)
		changes |= LANDLOCK_ACCESS_FS_REFER;
	return version >= 3 ? changes | TRUNCATE_FILE : changes;
}

static bool allow_below(int rules, const char *path, uint64_t access)
{
	int folder = open(path, O_PATH | O_CLOEXEC);
	if (folder < 0)
		return true; /* a missing path needs no permission */
	const struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = folder};
	bool is_allowed = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
	close(folder);
	return is_allowed;
}

static bool allow_socket(int rules, const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;
	if (length == 0 || length >= sizeof folder)
		return true;
	memcpy(folder, path, length);
	folder[length] = '\0';
	return allow_below(rules, folder, LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE);
}

static bool confine_files(const char *writable, const char *const *sockets)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (version < 1)
		return false;
	uint64_t changes = changes_of(version);
	const struct landlock_ruleset_attr attributes = {.handled_access_fs = changes};
	int rules = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
	if (rules < 0)
		return false;
	bool is_done = writable == NULL || allow_below(rules, writable, changes & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE);
	for (; is_done && *sockets != NULL; sockets++)
		is_done = allow_socket(rules, *sockets);
	is_done = is_done && syscall(SYS_landlock_restrict_self, rules, 0) == 0;
	close(rules);
	return is_done;
}

struct confinement confine_process(const char *writable, const char *const *sockets)
{
	assert(sockets != NULL);
	struct confinement confinement = {0};
	if (IS_SANITIZED || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return confinement;
	confinement.has_files = confine_files(writable, sockets);
	confinement.has_system_calls = system_calls_confine();
	return confinement;
}

struct confinement confine_server(const struct config *config)
{
	assert(config != NULL);
	const struct config_addresses *listen = &config->http.listen;
	const char *sockets[CONFIG_ADDRESSES_MAX + 1] = {NULL};
	uint32_t count = 0;
	for (uint32_t i = 0; i < listen->count; i++)
		if (listen->items[i].path != NULL)
			sockets[count++] = listen->items[i].path;
	return config->is_confined ? confine_process(config->systems.data_dir, sockets) : (struct confinement){0};
}
