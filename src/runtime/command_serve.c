/* command_serve.c: `tro serve`: every role in one process, and the services' own mains. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/version.h"
#include "runtime/commands.h"
#include "runtime/confine.h"
#include "runtime/demo.h"
#include "runtime/flags.h"
#include "runtime/runtime.h"
#include "runtime/secrets.h"
#include "runtime/terminal.h"

/* A server on the embedded store invents what is missing; others are told. */
static int need_secrets(struct config *config, struct arena *arena)
{
	bool is_embedded = config->systems.crdb_dsn == NULL;
	const char *data_dir = config->systems.data_dir;
	if (!is_embedded && config->auth.jwt_secrets.count == 0 && !config_has_public_keys(&config->auth))
		return complain("JWT_SECRET is required: at least 32 bytes; or JWT_PUBLIC_KEY, JWT_PUBLIC_KEY_FILE or JWT_JWKS_URL");
	if (!is_embedded && config->auth.payment_secrets.count == 0)
		return complain("PAYMENT_SECRET is required: at least 32 bytes");
	switch (secrets_fill(config, true, arena)) {
	case OK:
		return EXIT_DONE;
	case ERR_CORRUPT:
		return complain("%s/secrets is not as it was written: it has JWT_SECRET= and PAYMENT_SECRET=, one a line", data_dir);
	default:
		return complain("DATA_DIR %s cannot be written to: %s", data_dir, strerror(errno));
	}
}

int run_serve(const struct invocation *invocation)
{
	bool wants_demo = false;
	const struct flag flags[] = {{.name = "--demo", .is_given = &wants_demo}};
	int code = flags_read("serve", invocation, flags, ARRAY_LENGTH(flags), NULL, 0);
	if (code != EXIT_DONE)
		return code;
	code = need_secrets(invocation->config, invocation->arena);
	if (code != EXIT_DONE)
		return code;
	struct demo demo = {.config = invocation->config, .arena = invocation->arena};
	const struct runtime_options options = {
		.config = invocation->config,
		.roles = ROLE_API | ROLE_EXPIRY | ROLE_PUBLISHER,
		.prepare = wants_demo ? demo_prepare : NULL,
		.started = wants_demo ? demo_print : serving_print,
		.context = &demo,
	};
	return runtime_run(&options);
}

static int run_service(int argc, char **argv, struct config *config, uint32_t roles, struct arena *arena)
{
	if (argc > 1)
		return complain("'%s' is not understood", argv[1]), EXIT_WRONG_USAGE;
	if ((roles & ROLE_API) == 0 && config->systems.crdb_dsn == NULL)
		return complain("CRDB_DSN is required: this service works on a store that it shares with tro-api. "
		                "On the embedded store 'tro serve' does its work");
	if (roles == ROLE_PUBLISHER && config->systems.rabbit_url == NULL)
		return complain("RABBIT_URL is required: this service publishes to RabbitMQ. "
		                "'tro serve' without it publishes within its own process");
	int code = (roles & ROLE_API) == 0 ? EXIT_DONE : need_secrets(config, arena);
	if (code != EXIT_DONE)
		return code;
	if (roles == ROLE_API && config->systems.crdb_dsn == NULL)
		warn_of("CRDB_DSN is not set: the store is in DATA_DIR %s, where holds do not expire and nothing is published. "
		        "'tro serve' does all of it; tro-expiry-worker and tro-outbox-publisher need a store that they share with tro-api",
		        config->systems.data_dir);
	struct demo serving = {.config = config, .arena = arena};
	const struct runtime_options options = {.config = config, .roles = roles, .started = serving_print, .context = &serving};
	return runtime_run(&options);
}

static void print_service_help(const char *name, uint32_t roles, const struct config_initial *own)
{
	struct buffer flags;
	uint32_t readers =
		((roles & ROLE_API) != 0 ? CONFIG_READER_API : 0U) | ((roles & ROLE_PUBLISHER) != 0 ? CONFIG_READER_PUBLISHER : 0U);
	buffer_init(&flags, NULL, 64 * 1024);
	config_write_help(own, readers, &flags);
	printf("usage: %s [FLAGS]\n\nsettings, each also in the environment:\n%.*s", name, SLICE_PRINT(buffer_slice(&flags)));
	buffer_release(&flags);
}

int service_main(int argc, char **argv, char *const *environment, uint32_t roles, const char *listen_addr)
{
	const struct config_initial own = {.name = "LISTEN_ADDR", .text = listen_addr};
	struct arena arena;
	struct config config;
	const char *message = NULL;
	confine_secrets();
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		print_service_help(program_invocation_short_name, roles, &own);
		return EXIT_DONE;
	}
	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		printf("%s " TRO_VERSION " (commit %s)\n", program_invocation_short_name, version_commit);
		return EXIT_DONE;
	}
	complain_as_log();
	(void)umask(0077); /* no other user may read its files */
	arena_init(&arena, 64 * 1024, 64 * 1024 * 1024);
	int code = EXIT_WRONG_USAGE;
	switch (config_load(&argc, argv, environment, &own, &arena, &config, &message)) {
	case CONFIG_WRONG_USAGE:
		complain("%s", message);
		break;
	case CONFIG_BAD_VALUE:
		code = complain("%s", message);
		break;
	case CONFIG_OK:
		code = run_service(argc, argv, &config, roles, &arena);
		break;
	}
	arena_release(&arena);
	return code;
}
