/* confine.c: see confine.h. */
#include "runtime/confine.h"

#include <sys/prctl.h>
#include <sys/resource.h>

void confine_secrets(void)
{
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* /proc/PID/environ and mem are root's then */
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){0});
}
