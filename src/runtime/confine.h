/* confine.h: what the process gives up at its start, so that neither a mistake in it nor another program of its user gets at more. */
#pragma once

/* First of all, before a secret is read: no core dump, no debugger or /proc of the same user's other programs, and no program started from here
 * gains privileges. What the system refuses is left as it is: nothing of it is needed to serve. */
void confine_secrets(void);
