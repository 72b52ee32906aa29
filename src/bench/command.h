/* command.h: `tro bench`: its flags, and what it prints. */
#pragma once

#include <stdio.h>

#include "base/slice.h"

/* Values from the configuration. */
struct bench_defaults {
	const char *url; /* "http://127.0.0.1:8080"; --url goes before it */
	struct slice jwt_secret;
	struct slice jwt_issuer;   /* may be empty */
	struct slice jwt_audience; /* may be empty */
	struct slice payment_secret;
};

/* Prints the help; it needs no configuration. */
void bench_print_help(FILE *out);
/* argv[0] is the word "bench". Reports go to stdout, progress and complaints to stderr. Answers the exit code: 0 when all runs passed,
 * 1 when one failed or had violations, 2 for wrong usage. */
int bench_command(int argc, char **argv, const struct bench_defaults *defaults);
