/* import_progress.h: shows the progress on stderr: one line that changes on a terminal, now and then a line elsewhere. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

struct import_progress {
	bool is_terminal;
	bool is_shown; /* there is a line on the terminal that is to go */
	uint64_t next_ns;
};

void import_progress_init(struct import_progress *progress);
/* Whether it is time to show something; asking costs next to nothing. */
must_check bool import_progress_is_due(const struct import_progress *progress);
void import_progress_show(struct import_progress *progress, const char *format, ...) format_printf(2, 3);
/* Before anything else is written. */
void import_progress_clear(struct import_progress *progress);
