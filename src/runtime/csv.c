/* csv.c: see csv.h. */
#include "runtime/csv.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void csv_print_text(struct slice text)
{
	assert(text.data != NULL || text.length == 0);
	bool is_formula = text.length > 0 && strchr("=+-@\t\r", text.data[0]) != NULL;
	fputs(is_formula ? "\"'" : "\"", stdout);
	for (size_t i = 0; i < text.length; i++) {
		if (text.data[i] == '"')
			putchar('"');
		putchar(text.data[i]);
	}
	putchar('"');
}
