/* commands.c: the table of subcommands, --help, and the way into one. */
#include "runtime/commands.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/confine.h"
#include "runtime/terminal.h"

static const struct command_entry commands[] = {
	{"serve", "run everything in this process: the API, the expiry worker and the publisher", "serve [--demo]",
         "  --demo    put a demo event on sale when there is none, and print how to buy a ticket\n\n"
         "example:\n  tro serve --demo --listen-addr 127.0.0.1:8080\n",
         run_serve},
	{"migrate", "bring the store's schema up to date", "migrate [--no-backup]",
         "  --no-backup    keep no copy of an embedded store as it was; it is tro.db.schema-NNN.TIME in DATA_DIR\n\n"
         "example:\n  tro migrate --data-dir ./tro-data\n",
         run_migrate},
	{"event create", "put an event on sale; prints its id first", "event create FILE | - | --demo",
         "  FILE      the body of POST /v1/events; - reads it from standard input\n"
         "  --demo    a small concert to try things with\n\n"
         "example:\n  tro event create concert.json\n",
         run_event_create},
	{"event import", "put the events of a file on sale; those that are there stay as they are",
         "event import FILE | - [--seats CSV] [--partial] [--dry-run]",
         "  FILE           events as POST /v1/events takes them, each with an event_id if it is to keep one: JSON lines, or JSON: one\n"
         "                 object or an array of them; - reads standard input\n"
         "  --seats CSV    the seats of the only event, as comma-separated values behind the line seat,section,row,price\n"
         "  --partial      import the events with which nothing is wrong; otherwise none is imported when any is wrong\n"
         "  --dry-run      say what is wrong, and what would be imported, and write nothing\n\n"
         "All that is wrong is told with its line and column. Then each event is printed: its id, whether it was imported or there "
         "already,\n"
         "and its name. An event is the same by its event_id, without one by name, venue and start: an import may be run again, after\n"
         "whatever ended it, and makes nothing twice. Exit code 1: events were refused, or could not be imported.\n\n"
         "example:\n  tro event import season.jsonl\n  tro event import concert.json --seats hall.csv\n",
         run_event_import},
	{"event list", "list the events: id, status, seats, start, name", "event list", "example:\n  tro event list\n", run_event_list},
	{"event pause", "refuse new holds until the event is resumed", "event pause ID",
         "example:\n  tro event pause 019a9f3c-7b2e-7c41-8a55-2f6d1f0a9b3c\n", run_event_pause},
	{"event resume", "allow holds again", "event resume ID", "example:\n  tro event resume 019a9f3c-7b2e-7c41-8a55-2f6d1f0a9b3c\n",
         run_event_resume},
	{"event cancel", "end its holds and orders, and make what was paid due for refund", "event cancel ID [--yes]",
         "  --yes     do not ask; without a terminal nobody is asked\n\n"
         "First says how many paid orders, and how much money, that is; then shows how far it is, until all is done.\n\n"
         "example:\n  tro event cancel 019a9f3c-7b2e-7c41-8a55-2f6d1f0a9b3c\n",
         run_event_cancel},
	{"refund list", "list what is to be given back: id, status, amount, reason, since when, order, transaction",
         "refund list [--csv] [--status STATUS] [--event ID]",
         "  --csv             comma-separated values with a head line; amounts in minor units\n"
         "  --status STATUS   due, done or all (default: due)\n"
         "  --event ID        of this event only\n\n"
         "example:\n  tro refund list --csv > refunds.csv\n",
         run_refund_list},
	{"refund done", "say that a refund was paid out; again: no error", "refund done ID",
         "example:\n  tro refund done 019a9f3c-7b2e-7c41-8a55-2f6d1f0a9b3c\n", run_refund_done},
	{"token", "make a bearer token; prints it alone on a line", "token --user USER [--scope SCOPES] [--ttl DURATION]",
         "  --user USER       whom it stands for\n"
         "  --scope SCOPES    with blanks between: \"tro:admin tro:service\" (default: none)\n"
         "  --ttl DURATION    how long it is good for (default: 1h)\n\n"
         "example:\n  tro token --user alice --ttl 8h\n",
         run_token},
	{"pay", "report a payment as the provider would: signed, to the running server", "pay ORDER --succeed | --fail | --refund [FLAGS]",
         "  --succeed, --fail   how the payment went\n"
         "  --refund            the payment --transaction was given back\n"
         "  --transaction ID    the provider's id of the payment (default: one drawn at random)\n"
         "  --amount N          how much, in minor units: 1050 is EUR 10.50 (default: not said)\n"
         "  --currency CODE     of the amount: EUR (default: not said)\n"
         "  --refund-id ID      with --refund: the one that it closes (default: all that are due for the transaction)\n"
         "  --url URL           the server (default: http:// and LISTEN_ADDR)\n\n"
         "example:\n  tro pay 019a9f3c-7b2e-7c41-8a55-2f6d1f0a9b3c --succeed\n",
         run_pay},
	{"verify", "replay every event and compare the result with the store", "verify", "example:\n  tro verify --data-dir ./tro-data\n",
         run_verify},
	{"replay", "rebuild the projections from the events; nobody can write meanwhile", "replay",
         "example:\n  tro replay --data-dir ./tro-data\n", run_replay},
	{"backup", "copy the embedded store to a file while servers run, and check the copy", "backup FILE [--force]",
         "  --force    replace FILE when it is there\n\n"
         "The copy is of one moment, and has all that was answered before. It takes its name when its pages are whole and are what its\n"
         "events say. The secrets are not in it.\n\n"
         "example:\n  tro backup /backup/tro-2026-11-28.db --data-dir ./tro-data\n",
         run_backup},
	{"restore", "put a backup in the place of the embedded store; no server may run on it", "restore FILE [--force]",
         "  --force    replace the store that is there\n\n"
         "FILE is checked first, and stays as it is. A backup of an older program gets the tables of this one.\n\n"
         "example:\n  tro restore /backup/tro-2026-11-28.db --data-dir ./tro-data\n",
         run_restore},
	{"catalog rebuild", "make again what people browse, from the events; servers may run meanwhile", "catalog rebuild",
         "example:\n  tro catalog rebuild --mongo-uri mongodb://127.0.0.1/tro\n", run_catalog_rebuild},
	{"bench", "load a running server, measure it, and check what it answered", "bench SCENARIO [FLAGS]",
         "`tro bench` without a scenario tells more.\n\nexample:\n  tro bench holds --connections 256 --duration 10s\n", NULL},
	{"consume", "show the events that come out of RabbitMQ, and whether any repeat or are missing", "consume --queue QUEUE [FLAGS]",
         "  --queue QUEUE     a durable queue, made if it is not there; one reader at a time\n"
         "  --bind PATTERN    the types of events it gets: 'order.*' (default: #, all)\n"
         "  --json            one JSON object a line: the event, and what is to be said of it\n"
         "  --count N         end after so many events\n"
         "  --timeout T       end when nothing has come for so long\n"
         "  --complete        the queue has had every event from the first: a stream that begins later has a gap\n\n"
         "An event leaves the queue when it has been printed. Repeats, gaps and events that come late are told on stderr, or in the\n"
         "line itself with --json. At least the last 262144 streams are remembered, in 32 MiB. SIGINT and SIGTERM end it; its last line\n"
         "on stderr is \"N events, N repeats, N gaps, N late\". Exit code 1: there were gaps or late ones, or fewer than --count.\n\n"
         "example:\n  tro consume --queue audit --json --timeout 10s\n",
         run_consume},
	{"health", "ask a running server whether it can serve: exit code 0 when it can", "health [--live] [--url URL]",
         "  --live      whether its process lives, and not whether what it needs is there\n"
         "  --url URL   the server (default: http:// and LISTEN_ADDR)\n\n"
         "example:\n  tro health --url http://127.0.0.1:8081\n",
         run_health},
	{"top", "show what running services are doing, from their metrics", "top [URL...] [--once] [--json]",
         "  URL       services, up to 16 (default: ADMIN_ADDR if that is set, else LISTEN_ADDR)\n"
         "  --once    look twice, a second apart, print what was seen, and end\n"
         "  --json    one JSON object for each look\n\n"
         "Rates and latencies are of the last second. Exit code 1: a service did not answer.\n\n"
         "example:\n  tro top http://127.0.0.1:9090 http://127.0.0.1:9091\n",
         run_top},
	{"config", "print the effective configuration, secrets masked", "config [--markdown]",
         "  --markdown    the table of all keys instead\n\nexample:\n  HOLD_TTL=2m tro config\n", run_config},
	{"version", "print the version", "version", "example:\n  tro version\n", run_version},
};

static void print_help(FILE *to)
{
	fputs("usage: tro COMMAND [FLAGS]\n\n"
	      "TRO sells seats: a hold becomes an order, a payment confirms it, what is not paid expires.\n\ncommands:\n",
	      to);
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
		fprintf(to, "  %-17s%s\n", commands[i].name, commands[i].summary);
	fputs("\n'tro COMMAND --help' tells more of each. Every setting is an environment variable and a flag:\n"
	      "LISTEN_ADDR is --listen-addr. 'tro config --markdown' lists them all.\n",
	      to);
}

static void print_command_help(const struct command_entry *entry)
{
	printf("usage: tro %s\n\n%s.\n\n%s", entry->usage, entry->summary, entry->details);
	if (entry->run != run_serve) {
		fputs("\nEach setting of 'tro serve --help' is a flag and an environment variable here, too.\n", stdout);
		return;
	}
	struct buffer flags;
	buffer_init(&flags, NULL, 64 * 1024);
	config_write_help(NULL, &flags);
	printf("\nsettings, each also in the environment:\n%.*s", SLICE_PRINT(buffer_slice(&flags)));
	buffer_release(&flags);
}

/* Finds the longest name that argv begins with; *ret_words is how many words it has. */
static const struct command_entry *find_command(int argc, char **argv, int *ret_words)
{
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
		const char *second = strchr(commands[i].name, ' ');
		size_t first_length = second == NULL ? strlen(commands[i].name) : (size_t)(second - commands[i].name);
		if (argc < 2 || strlen(argv[1]) != first_length || memcmp(argv[1], commands[i].name, first_length) != 0)
			continue;
		if (second != NULL && (argc < 3 || strcmp(argv[2], second + 1) != 0))
			continue;
		*ret_words = second == NULL ? 1 : 2;
		return &commands[i];
	}
	return NULL;
}

/* Complains about a command that is not there; "event" alone is told what may follow it. */
static int complain_unknown(int argc, char **argv)
{
	size_t length = strlen(argv[1]);
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
		if (strncmp(commands[i].name, argv[1], length) == 0 && commands[i].name[length] == ' ')
			fprintf(stderr, "  tro %s\n", commands[i].usage);
	bool has_second = argc > 2 && argv[2][0] != '-';
	return complain_usage(NULL, "there is no command '%s%s%s'", argv[1], has_second ? " " : "", has_second ? argv[2] : "");
}

static bool asks_for_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

static int run_command(const struct command_entry *entry, int argc, char **argv, char *const *environment)
{
	struct arena arena;
	struct config config;
	const char *message = NULL;
	arena_init(&arena, 64 * 1024, 64 * 1024 * 1024);
	if (entry->run == run_serve)
		complain_as_log();
	int code;
	switch (config_load(&argc, argv, environment, NULL, &arena, &config, &message)) {
	case CONFIG_WRONG_USAGE:
		code = complain_usage(entry->name, "%s", message);
		break;
	case CONFIG_BAD_VALUE:
		code = complain("%s", message);
		break;
	default:
		code = entry->run(&(struct invocation){.argc = argc, .argv = argv, .config = &config, .arena = &arena});
		break;
	}
	arena_release(&arena);
	return code;
}

/* Becomes the command's own program, in the folder of this one. Returns only when it cannot. */
static int start_program(const struct command_entry *entry, char **argv)
{
	char name[64];
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
	path[length < 0 ? 0 : length] = '\0';
	char *slash = strrchr(path, '/');
	char *file = slash == NULL ? path : slash + 1;
	int name_length = snprintf(name, sizeof name, "tro-%s", entry->name);
	assert(name_length > 0 && (size_t)name_length < sizeof name);
	if ((size_t)(file - path) + (size_t)name_length >= sizeof path)
		return complain("cannot start %s: the path is too long", name);
	memcpy(file, name, (size_t)name_length + 1);
	execv(path, argv);
	return complain("cannot start %s: %s", path, strerror(errno));
}

int tro_main(int argc, char **argv, char *const *environment)
{
	confine_secrets();
	(void)setlocale(LC_ALL, "C");
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(0077); /* what is kept is nobody else's to read */
	int words = 0;
	const struct command_entry *entry = find_command(argc, argv, &words);
	if (entry == NULL && (argc < 2 || asks_for_help(argc, argv) || strcmp(argv[1], "help") == 0)) {
		print_help(argc < 2 ? stderr : stdout);
		return argc < 2 ? EXIT_WRONG_USAGE : EXIT_DONE;
	}
	if (entry == NULL && strcmp(argv[1], "--version") == 0)
		return run_version(&(struct invocation){.argc = 1, .argv = argv});
	if (entry == NULL)
		return complain_unknown(argc, argv);
	if (asks_for_help(argc - words, argv + words)) {
		print_command_help(entry);
		return EXIT_DONE;
	}
	if (entry->run == NULL)
		return start_program(entry, argv + words);
	return run_command(entry, argc - words, argv + words, environment);
}
