/* csv.h: comma-separated values on standard output, for spreadsheets. */
#pragma once

#include "base/slice.h"

/* Prints the text by RFC 4180: in quotes, and each quote twice. An apostrophe in front makes a text of anything that a spreadsheet would
 * take for a formula. */
void csv_print_text(struct slice text);
