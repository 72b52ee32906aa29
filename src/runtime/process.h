/* process.h: the signals, limits, folder and lock of a serving process. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

/* Raises the limit of file descriptors as far as it goes. Answers the number of connections that may have one: 256 of the limit, or a
 * quarter of a low one, are reserved for files, the database, the broker and the threads. */
uint32_t process_raise_descriptor_limit(void);
/* Holds SIGTERM, SIGINT and SIGUSR1 back for the functions below, in every thread made from now on. holds_hangup: SIGHUP, too, with
 * which a server reads its certificate again; a command ends with its terminal. SIGPIPE is ignored. */
void process_hold_signals(bool holds_hangup);
/* Whether SIGTERM or SIGINT has come and waits. */
bool process_is_told_to_stop(void);
/* Waits for the first SIGTERM or SIGINT, and calls `poked` for each SIGUSR1 or SIGHUP before it. After that further SIGTERMs change
 * nothing, as supervisors send several. A second SIGINT ends the process at once, with exit code 1: somebody at a terminal is out of
 * patience. */
void process_wait_for_stop(void (*poked)(void *context, int signal_number), void *context);
/* Ends the process with exit code 1 and a word on stderr, a line of the log, when it still runs after so many seconds. */
void process_end_within(unsigned seconds);
/* Makes the data directory (0700) where there is none. False: message says why, and errno. */
must_check bool process_make_folder(const char *data_dir, char *message, unsigned long message_size);
/* Takes the lock of the data directory, until the process ends; makes the directory (0700). False: message says why. */
must_check bool process_lock(const char *data_dir, char *message, unsigned long message_size);
