/* process.h: what a serving process asks of the system. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

/* Raises the limit of file descriptors as far as it goes. Answers how many connections may have one: 256 of the limit, or a quarter of a low one,
 * are kept back for files, the database, the broker and the threads. */
uint32_t process_raise_descriptor_limit(void);
/* SIGTERM, SIGINT and SIGUSR1 wait to be asked for by what follows, in every thread made from now on, and SIGHUP if that is wanted: else it ends the
 * process, as when a terminal is closed. SIGPIPE is ignored. */
void process_hold_signals(bool holds_hangup);
/* Whether SIGTERM or SIGINT has come and waits. */
bool process_is_told_to_stop(void);
/* Returns when the first signal comes that ends the process; each SIGUSR1 or SIGHUP before it calls `poked`. From then on SIGTERM changes nothing, however
 * often it comes: supervisors send several. The second SIGINT ends the process at once, with exit code 1: somebody at a terminal is out of patience. */
void process_wait_for_stop(void (*poked)(void *context, int signal_number), void *context);
/* Ends the process with exit code 1 and a word on stderr, a line of the log, when it still runs after so many seconds. */
void process_end_within(unsigned seconds);
/* Makes the data directory (0700) where there is none. False: message says why, and errno. */
must_check bool process_make_folder(const char *data_dir, char *message, unsigned long message_size);
/* Takes the lock of the data directory, until the process ends; makes the directory (0700). False: message says why. */
must_check bool process_lock(const char *data_dir, char *message, unsigned long message_size);
