/* system_calls.h: the system calls of a server, and a filter that refuses all others. */
#pragma once

#include <stdbool.h>

/* For the calling thread and those that it starts from now on; needs PR_SET_NO_NEW_PRIVS. False: the kernel has no filters, or the
 * processor is none that the list is known for; nothing is filtered then. */
bool system_calls_confine(void);
