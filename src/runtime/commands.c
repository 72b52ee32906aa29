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
         "  --demo    put a demo event on sale if there is none, and print how to buy a ticket\n\n"
         "example:\n  tro serve --demo --listen-addr 127.0.0.1:8080\n",
         run_serve},
	{"migrate", "bring the store's schema up to date", "migrate [--no-backup]",
         "  --no-backup    keep no copy of the old embedded store; the copy is tro.db.schema-NNN.TIME in DATA_DIR\n\n"
         "example:\n  tro migrate --data-dir ./tro-data\n",
         run_migrate},
	{"event create", "put an event on sale; prints its id first", "event create FILE | - | --demo",
         "  FILE      the body of POST /v1/events; - reads it from standard input\n"
         "  --demo    a small concert to try things with\n\n"
         "example:\n  tro event create concert.json\n",
         run_event_create},
	{"event import", "put the events of a file on sale; events that exist stay as they are",
         "event import FILE | - [--seats CSV] [--partial] [--dry-run]",
         "  FILE           events as POST /v1/events takes them, each with an event_id if it is to keep one: JSON lines, or JSON: one\n"
         "                 object or an array of them; - reads standard input\n"
         "  --seats CSV    the seats of the only event, as comma-separated values behind the line seat,section,row,price\n"
         "  --partial      import the valid events; without it, one invalid event stops the import\n"
         "  --dry-run      print the errors, and the events that would be imported; write nothing\n\n"
         "Prints every error with its line and column, then each event: its id, whether it was imported or existed, and its name.\n"
         "An event is known by its event_id, without one by name, venue and start: an import may be run again, however it\n"
         "ended, and makes nothing twice. Exit code 1: events were refused, or could not be imported.\n\n"
         "example:\n  tro event import season.jsonl\n  tro event import concert.json --seats hall.csv\n",
         run_event_import},
	{"event list", "list the events: id, status, seats, start, name", "event list", "example:\n  tro event list\n", run_event_list},
	{"event pause", "refuse new holds until the event is resumed", "event pause ID",
         "example:\n  tro event pause 019a9f3c-7b2e-7c41-8a55-2f6d1f0a9b3c\n", run_event_pause},
	{"event resume", "allow holds again", "event resume ID", "example:\n  tro event resume 019a9f3c-7b2e-7c41-8a55-2f6d1f0a9b3c\n",
         run_event_resume},
	{"event cancel", "end its holds and orders, and make its payments due for refund", "event cancel ID [--yes]",
         "  --yes     do not ask; without a terminal nobody is asked\n\n"
         "Prints the number of paid orders and their money, then the progress until all is done.\n\n"
         "example:\n  tro event cancel 019a9f3c-7b2e-7c41-8a55-2f6d1f0a9b3c\n",
         run_event_cancel},
	{"refund list", "list refunds: id, status, amount, reason, since when, order, transaction",
         "refund list [--csv] [--status STATUS] [--event ID]",
         "  --csv             comma-separated values with a head line; amounts in minor units\n"
         "  --status STATUS   due, done or all (default: due)\n"
         "  --event ID        of this event only\n\n"
         "example:\n  tro refund list --csv > refunds.csv\n",
         run_refund_list},
	{"refund done", "mark a refund as paid out; to repeat it is no error", "refund done ID",
         "example:\n  tro refund done 019a9f3c-7b2e-7c41-8a55-2f6d1f0a9b3c\n", run_refund_done},
	{"user export", "print everything that the store has about a user, as JSON", "user export ID",
         "example:\n  tro user export alice > alice.json\n", run_user_export},
	{"user forget", "put a pseudonym in the place of a user, for good; prints the pseudonym", "user forget ID [--yes] | --again",
         "  --yes      do not ask\n"
         "  --again    forget again the users forgotten before the database was restored\n\n"
         "Refused while the user has open holds or pending orders. Servers may run; on the embedded store they wait while the file is\n"
         "written anew. Events, orders and money stay as they are, without the user's name. DATA_DIR/forgotten keeps, without the name, "
         "what\n"
         "a backup that is restored later has to forget: the start of a server does it on the embedded store, --again on PostgreSQL.\n\n"
         "example:\n  tro user forget alice\n",
         run_user_forget},
	{"audit list", "list operators' actions and refused requests", "audit list [--csv] [--from TIME] [--to TIME] [--user USER]",
         "  --csv          comma-separated values with a head line\n"
         "  --from TIME    since then: 2026-11-28T14:00:00Z\n"
         "  --to TIME      until then\n"
         "  --user USER    of this user, or of \"operator\", which is the command line\n\n"
         "example:\n  tro audit list --csv --from 2026-11-01T00:00:00Z > audit.csv\n",
         run_audit_list},
	{"token", "make a bearer token; prints it alone on a line", "token --user USER [--scope SCOPES] [--ttl DURATION]",
         "  --user USER       the token's user\n"
         "  --scope SCOPES    separated by blanks: \"tro:admin tro:service\" (default: none)\n"
         "  --ttl DURATION    its lifetime (default: 1h)\n\n"
         "example:\n  tro token --user alice --ttl 8h\n",
         run_token},
	{"pay", "report a payment as the provider would: signed, to the running server", "pay ORDER --succeed | --fail | --refund [FLAGS]",
         "  --succeed, --fail   how the payment went\n"
         "  --refund            the payment --transaction was refunded\n"
         "  --transaction ID    the provider's id of the payment (default: one drawn at random)\n"
         "  --amount N          the amount in minor units: 1050 is EUR 10.50 (default: none)\n"
         "  --currency CODE     of the amount: EUR (default: none)\n"
         "  --refund-id ID      with --refund: the refund to close (default: all that are due for the transaction)\n"
         "  --url URL           the server (default: http:// and LISTEN_ADDR)\n\n"
         "example:\n  tro pay 019a9f3c-7b2e-7c41-8a55-2f6d1f0a9b3c --succeed\n",
         run_pay},
	{"verify", "replay every event and compare the result with the store", "verify", "example:\n  tro verify --data-dir ./tro-data\n",
         run_verify},
	{"replay", "rebuild the projections from the events; nobody can write meanwhile", "replay",
         "example:\n  tro replay --data-dir ./tro-data\n", run_replay},
	{"backup", "copy the embedded store to a file while servers run, and check the copy", "backup FILE [--force]",
         "  --force    replace FILE if it exists\n\n"
         "The copy is of one moment, and has everything that was answered before. FILE appears once its pages are whole and match its\n"
         "events. It has no secrets.\n\n"
         "example:\n  tro backup /backup/tro-2026-11-28.db --data-dir ./tro-data\n",
         run_backup},
	{"restore", "put a backup in the place of the embedded store; no server may run on it", "restore FILE [--force]",
         "  --force    replace the existing store\n\n"
         "FILE is checked first, and stays as it is. A backup of an older program gets the tables of this one.\n\n"
         "example:\n  tro restore /backup/tro-2026-11-28.db --data-dir ./tro-data\n",
         run_restore},
	{"catalog rebuild", "rebuild the catalog from the events; servers may run meanwhile", "catalog rebuild",
         "example:\n  tro catalog rebuild --mongo-uri mongodb://127.0.0.1/tro\n", run_catalog_rebuild},
	{"bench", "load a running server, measure it, and check its answers", "bench SCENARIO [FLAGS]",
         "`tro bench` without a scenario tells more.\n\nexample:\n  tro bench holds --connections 256 --duration 10s\n", NULL},
	{"consume", "show the events that come out of RabbitMQ, and whether any repeat or are missing", "consume --queue QUEUE [FLAGS]",
         "  --queue QUEUE     a durable queue, created if it does not exist; one reader at a time\n"
         "  --bind PATTERN    the types of events it gets: 'order.*' (default: #, all)\n"
         "  --json            one JSON object a line: the event, and whether it repeats, is late or has a gap before it\n"
         "  --count N         end after so many events\n"
         "  --timeout T       end when no event has come for this long\n"
         "  --complete        the queue has had every event from the first: a stream that begins later has a gap\n\n"
         "An event leaves the queue when it has been printed. Repeats, gaps and events that come late are told on stderr, or in the\n"
         "line itself with --json. At least the last 262144 streams are remembered, in 32 MiB. SIGINT and SIGTERM end it; its last line\n"
         "on stderr is \"N events, N repeats, N gaps, N late\". Exit code 1: there were gaps or late ones, or fewer than --count.\n\n"
         "example:\n  tro consume --queue audit --json --timeout 10s\n",
         run_consume},
	{"health", "ask a running server whether it can serve: exit code 0 when it can", "health [--live] [--url URL]",
         "  --live      whether the process lives, even when the systems it needs do not\n"
         "  --url URL   the server (default: http:// and LISTEN_ADDR)\n\n"
         "example:\n  tro health --url http://127.0.0.1:8081\n",
         run_health},
	{"top", "show the work of running services, from their metrics", "top [URL...] [--once] [--json]",
         "  URL       services, up to 16 (default: ADMIN_ADDR if that is set, else LISTEN_ADDR)\n"
         "  --once    look twice, a second apart, print the result, and end\n"
         "  --json    one JSON object for each look\n\n"
         "Rates and latencies are of the last second. Exit code 1: a service did not answer.\n\n"
         "example:\n  tro top http://127.0.0.1:9090 http://127.0.0.1:9091\n",
         run_top},
	{"config", "print the effective configuration, secrets masked", "config [--markdown]",
         "  --markdown    the table of all keys instead\n\nexample:\n  HOLD_TTL=2m tro config\n", run_config},
	{"version", "print the version and the commit that it was built from", "version", "example:\n  tro version\n", run_version},
};

static void print_help(FILE *to)
{
	fputs("usage: tro COMMAND [FLAGS]\n\n"
	      "TRO sells seats: a hold becomes an order, a payment confirms it, an unpaid order expires.\n\ncommands:\n",
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
	config_write_help(NULL, CONFIG_READERS, &flags);
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

/* The code of a command whose results are in stdout's buffer: not 0 when they were lost, as on a full disk. A reader that has gone, such as
 * `head`, has seen what it wanted. */
static int finish_output(int code)
{
	struct stat file;
	bool is_lost = fflush(stdout) != 0 || ferror(stdout) != 0;
	bool is_piped = fstat(STDOUT_FILENO, &file) == 0 && (S_ISFIFO(file.st_mode) || S_ISSOCK(file.st_mode));
	return code != EXIT_DONE || !is_lost || is_piped ? code : complain("cannot write to standard output");
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
		code = entry->run == run_serve ? code : finish_output(code);
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
	(void)umask(0077); /* no other user may read its files */
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
