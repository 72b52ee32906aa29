/* command.c: one table of flags gives the parsing and the help. */
#include "bench/command.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "bench/bench.h"
#include "bench/client.h"
#include "bench/clock.h"
#include "bench/ledger.h"
#include "bench/report.h"
#include "bench/seat_plan.h"
#include "bench/wire.h"

#define EXIT_PASSED 0
#define EXIT_FAILED 1
#define EXIT_USAGE 2
#define RUNS_MAX 16
#define JSON_MAX (1024 * 1024)

/* The options of the command line. */
struct command_line {
	struct bench_options options;
	uint64_t connections[RUNS_MAX]; /* one run for each */
	uint32_t run_count;
	const char *verify_journal;
	bool prints_json, is_quiet, wants_help;
};

enum flag_kind {
	FLAG_UINT32,
	FLAG_UINT64,
	FLAG_DURATION, /* uint64_t: milliseconds */
	FLAG_TEXT,
	FLAG_BOOL,
	FLAG_CHECK,       /* uint32_t: "all", "none" or a number */
	FLAG_CONNECTIONS, /* numbers with commas */
};

struct flag {
	const char *name;
	const char *argument; /* as the help calls it; NULL: none */
	enum flag_kind kind;
	size_t offset; /* in struct command_line */
	uint64_t minimum, maximum;
	const char *help;
};

#define OPTION(member) offsetof(struct command_line, options.member)

static const struct flag flags[] = {
	{"url", "URL[,URL,...]", FLAG_TEXT, OPTION(url), 0, 0,
         "the server, or several on one store: a request that is repeated goes to the next"},
	{"connections", "N[,N,...]", FLAG_CONNECTIONS, 0, 1, CLIENT_CONNECTIONS_MAX, "one run for each number (64)"},
	{"duration", "TIME", FLAG_DURATION, OPTION(duration_ms), 1, 7 * 24 * 3600 * 1000ull, "how long to measure (10s)"},
	{"warm-up", "TIME", FLAG_DURATION, OPTION(warm_up_ms), 0, 3600 * 1000, "load before that (1s); none with --requests"},
	{"rate", "N", FLAG_UINT64, OPTION(rate), 0, 1000000,
         "journeys that begin each second, however long the answers take; 0: the next when the last is answered (0)"},
	{"requests", "N", FLAG_UINT64, OPTION(requests), 0, LEDGER_CLAIMS_MAX, "end after so many journeys (0: no limit)"},
	{"users", "N", FLAG_UINT32, OPTION(users), 1, WIRE_USERS_MAX, "buyers (1000)"},
	{"events", "N", FLAG_UINT32, OPTION(events), 1, 10000, "events to put on sale (as the scenario needs)"},
	{"seats", "N", FLAG_UINT32, OPTION(seats), 1, SEAT_PLAN_SEATS_MAX, "seats of each event (as the scenario needs)"},
	{"seats-per-hold", "N", FLAG_UINT32, OPTION(seats_per_hold), 1, 100, "seats of each hold (1); onsale takes 1 to 6"},
	{"scatter", NULL, FLAG_BOOL, OPTION(is_scattered), 0, 0, "hold seats far from each other instead of one after the other"},
	{"idle", "N", FLAG_UINT32, OPTION(idle), 0, CLIENT_CONNECTIONS_MAX, "more connections, that do nothing (0)"},
	{"timeout", "TIME", FLAG_DURATION, OPTION(timeout_ms), 10, 3600 * 1000, "repeat a request that had no answer for so long (5s)"},
	{"patience", "TIME", FLAG_DURATION, OPTION(patience_ms), 10, 3600 * 1000,
         "give up when a request or a connection took so long (30s)"},
	{"check", "all|none|N", FLAG_CHECK, OPTION(check), 0, UINT32_MAX - 1,
         "answers to read back after the load (all); keys are repeated for at most 10000"},
	{"journal", "FILE", FLAG_TEXT, OPTION(journal), 0, 0, "append every acknowledged fact to FILE as it comes"},
	{"verify-journal", "FILE", FLAG_TEXT, offsetof(struct command_line, verify_journal), 0, 0,
         "no load: check the server against the facts in FILE"},
	{"seed", "N", FLAG_UINT64, OPTION(seed), 0, UINT64_MAX, "of the random choices (the time)"},
	{"json", NULL, FLAG_BOOL, offsetof(struct command_line, prints_json), 0, 0, "print one JSON object a run"},
	{"quiet", NULL, FLAG_BOOL, offsetof(struct command_line, is_quiet), 0, 0, "no progress lines"},
	{"help", NULL, FLAG_BOOL, offsetof(struct command_line, wants_help), 0, 0, "print this"},
};

void bench_print_help(FILE *out)
{
	fputs("usage: tro bench SCENARIO [FLAGS]\n       tro bench --verify-journal FILE\n\n"
	      "Loads a running server, measures it, and then checks that everything it has acknowledged is still true:\n"
	      "holds and orders are read back, seat maps compared, keys repeated. Rate limits must be off.\n\n"
	      "Scenarios:\n",
	      out);
	const struct bench_scenario *scenario;
	for (uint32_t i = 0; (scenario = bench_scenario_at(i)) != NULL; i++)
		fprintf(out, "  %-10s %s\n", scenario->name, scenario->summary);
	fputs("\nFlags:\n", out);
	for (size_t i = 0; i < ARRAY_LENGTH(flags); i++) {
		char name[64];
		snprintf(name, sizeof name, "--%s %s", flags[i].name, flags[i].argument == NULL ? "" : flags[i].argument);
		fprintf(out, "  %-26s %s\n", name, flags[i].help);
	}
	fputs("\nExample: tro bench holds --connections 1,16,64,256 --duration 10s\n"
	      "Exit code: 0 when all is well, 1 when the run failed or something was violated, 2 for wrong usage.\n",
	      out);
}

/* Takes a number off the front of `*rest`. */
static bool take_number(const char **rest, const struct flag *flag, uint64_t *ret_number)
{
	char *end;
	errno = 0;
	unsigned long long number = strtoull(*rest, &end, 10);
	if (**rest < '0' || **rest > '9' || errno != 0 || number < flag->minimum || number > flag->maximum)
		return false;
	*rest = end;
	*ret_number = number;
	return true;
}

static bool read_number(const char *text, const struct flag *flag, uint64_t *ret_number)
{
	return take_number(&text, flag, ret_number) && *text == '\0';
}

static bool read_connections(const char *text, const struct flag *flag, struct command_line *line)
{
	for (line->run_count = 0; line->run_count < RUNS_MAX; text++) {
		if (!take_number(&text, flag, &line->connections[line->run_count++]))
			return false;
		if (*text != ',')
			return *text == '\0';
	}
	return false;
}

static bool read_check(const char *text, const struct flag *flag, uint32_t *ret_check)
{
	uint64_t number;
	if (strcmp(text, "all") == 0) {
		*ret_check = BENCH_CHECK_ALL;
	} else if (strcmp(text, "none") == 0) {
		*ret_check = 0;
	} else {
		if (!read_number(text, flag, &number))
			return false;
		*ret_check = (uint32_t)number;
	}
	return true;
}

/* False: the value is not one for the flag. */
static bool read_flag(const struct flag *flag, const char *text, struct command_line *line)
{
	void *target = (char *)line + flag->offset;
	uint64_t number;
	switch (flag->kind) {
	case FLAG_BOOL:
		*(bool *)target = true;
		return true;
	case FLAG_TEXT:
		*(const char **)target = text;
		return *text != '\0';
	case FLAG_UINT32:
		if (!read_number(text, flag, &number))
			return false;
		*(uint32_t *)target = (uint32_t)number;
		return true;
	case FLAG_UINT64:
		return read_number(text, flag, target);
	case FLAG_DURATION:
		if (!duration_parse(slice_of(text), &number) || number < flag->minimum || number > flag->maximum)
			return false;
		*(uint64_t *)target = number;
		return true;
	case FLAG_CHECK:
		return read_check(text, flag, target);
	case FLAG_CONNECTIONS:
		return read_connections(text, flag, line);
	}
	return false;
}

static void complain_about(const struct flag *flag, const char *text)
{
	fprintf(stderr, "tro bench: --%s takes %s, not '%s'", flag->name, flag->argument, text);
	if (flag->kind == FLAG_DURATION)
		fputs("; a duration is written as 250ms, 30s or 5m", stderr);
	else if (flag->maximum > 0)
		fprintf(stderr, "; N may be %llu to %llu", (unsigned long long)flag->minimum, (unsigned long long)flag->maximum);
	fputc('\n', stderr);
}

/* False: wrong usage, which was said on stderr. */
static bool read_command_line(int argc, char **argv, struct command_line *line)
{
	struct option known[ARRAY_LENGTH(flags) + 1] = {0};
	for (size_t i = 0; i < ARRAY_LENGTH(flags); i++)
		known[i] = (struct option){.name = flags[i].name, .has_arg = flags[i].argument == NULL ? no_argument : required_argument};
	optind = 0; /* from the start: an earlier call may have parsed */
	opterr = 0;
	int index = 0;
	for (int result; (result = getopt_long(argc, argv, "", known, &index)) != -1;) {
		if (result == '?') {
			fprintf(stderr, "tro bench: '%s' is no flag, or has no value, or one too many; see tro bench --help\n",
			        argv[optind - 1]);
			return false;
		}
		if (!read_flag(&flags[index], optarg, line)) {
			complain_about(&flags[index], optarg);
			return false;
		}
	}
	if (optind < argc)
		line->options.scenario = argv[optind++];
	if (optind < argc) {
		fprintf(stderr, "tro bench: one scenario at a time, not '%s' too\n", argv[optind]);
		return false;
	}
	return true;
}

static bool is_scenario(const char *name)
{
	const struct bench_scenario *scenario;
	for (uint32_t i = 0; (scenario = bench_scenario_at(i)) != NULL; i++) {
		if (strcmp(scenario->name, name) == 0)
			return true;
	}
	return false;
}

/* Fills in what was left out. False: something is missing or does not fit together, which was said on stderr. */
static bool complete(struct command_line *line)
{
	struct bench_options *options = &line->options;
	options->shows_progress = !line->is_quiet;
	if (slice_is_empty(options->jwt_secret) || slice_is_empty(options->payment_secret)) {
		fputs("tro bench: needs JWT_SECRET and PAYMENT_SECRET of the server\n", stderr);
		return false;
	}
	if (line->verify_journal == NULL && !is_scenario(options->scenario)) {
		fprintf(stderr, "tro bench: there is no scenario '%s'; see tro bench --help\n", options->scenario);
		return false;
	}
	return true;
}

static void print(const struct command_line *line, const struct bench_options *options, const struct bench_report *report)
{
	if (!line->prints_json) {
		bench_report_print(options, report, stdout);
		fflush(stdout);
		return;
	}
	struct buffer json;
	buffer_init(&json, NULL, JSON_MAX);
	bench_report_json(options, report, &json);
	printf("%.*s\n", SLICE_PRINT(buffer_slice(&json)));
	fflush(stdout);
	buffer_release(&json);
}

static int verify(const struct command_line *line)
{
	struct bench_options options = line->options;
	options.scenario = "verify-journal";
	options.journal = line->verify_journal;
	options.connections = (uint32_t)line->connections[0];
	struct bench_report report;
	bench_verify(&options, &report);
	print(line, &options, &report);
	int code = bench_passed(&report) ? EXIT_PASSED : EXIT_FAILED;
	bench_report_release(&report);
	return code;
}

/* One run for each number of connections; with several, their headlines once more as a table. */
static int run_all(const struct command_line *line)
{
	struct bench_report reports[RUNS_MAX];
	int code = EXIT_PASSED;
	struct bench_options options = line->options;
	for (uint32_t i = 0; i < line->run_count; i++) {
		options.connections = (uint32_t)line->connections[i];
		bench_run(&options, &reports[i]);
		print(line, &options, &reports[i]);
		if (!bench_passed(&reports[i]))
			code = EXIT_FAILED;
	}
	if (line->run_count > 1 && !line->prints_json)
		bench_table_head(stdout);
	for (uint32_t i = 0; i < line->run_count; i++) {
		options.connections = (uint32_t)line->connections[i];
		if (line->run_count > 1 && !line->prints_json)
			bench_table_row(&options, &reports[i], stdout);
		bench_report_release(&reports[i]);
	}
	return code;
}

int bench_command(int argc, char **argv, const struct bench_defaults *defaults)
{
	assert(argc >= 1 && argv != NULL && defaults != NULL);

	struct command_line line = {
		.options =
			{
				.url = defaults->url,
				.duration_ms = 10000,
				.warm_up_ms = 1000,
				.users = 1000,
				.seats_per_hold = 1,
				.timeout_ms = 5000,
				.patience_ms = 30000,
				.check = BENCH_CHECK_ALL,
				.seed = clock_read_ns(CLOCK_REALTIME),
				.jwt_secret = defaults->jwt_secret,
				.payment_secret = defaults->payment_secret,
				.jwt_issuer = defaults->jwt_issuer,
				.jwt_audience = defaults->jwt_audience,
			},
		.connections = {64},
		.run_count = 1,
	};
	if (!read_command_line(argc, argv, &line))
		return EXIT_USAGE;
	if (line.wants_help) {
		bench_print_help(stdout);
		return EXIT_PASSED;
	}
	if (line.options.scenario == NULL && line.verify_journal == NULL) {
		bench_print_help(stderr);
		return EXIT_USAGE;
	}
	if (!complete(&line))
		return EXIT_USAGE;
	return line.verify_journal != NULL ? verify(&line) : run_all(&line);
}
