/* tro-bench: the load generator, with the server's address and secrets from the configuration. `tro bench` starts it. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/version.h"
#include "bench/command.h"
#include "runtime/confine.h"
#include "runtime/secrets.h"
#include "runtime/server_url.h"
#include "runtime/terminal.h"

#define ARENA_BLOCK (64 * 1024)
#define ARENA_MAX (1024 * 1024)

static int bench(struct invocation *invocation)
{
	int code = secrets_need(invocation);
	if (code != EXIT_DONE)
		return code;
	const struct config_auth *auth = &invocation->config->auth;
	const struct bench_defaults defaults = {
		.url = server_url_of_any(&invocation->config->http, invocation->arena),
		.jwt_secret = auth->jwt_secrets.items[0],
		.jwt_issuer = auth->jwt_issuer,
		.jwt_audience = auth->jwt_audience,
		.payment_secret = auth->payment_secrets.items[0],
	};
	return bench_command(invocation->argc, invocation->argv, &defaults);
}

int main(int argc, char **argv)
{
	struct arena arena;
	struct config config;
	const char *message = NULL;
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("tro-bench " TRO_VERSION " (commit %s)\n", version_commit) < 0;
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return bench_print_help(stdout), EXIT_DONE;
	confine_secrets();
	(void)setlocale(LC_ALL, "C");
	(void)signal(SIGPIPE, SIG_IGN);
	arena_init(&arena, ARENA_BLOCK, ARENA_MAX);
	int code;
	switch (config_load(&argc, argv, environ, NULL, &arena, &config, &message)) {
	case CONFIG_WRONG_USAGE:
		code = complain_usage("bench", "%s", message);
		break;
	case CONFIG_BAD_VALUE:
		code = complain("%s", message);
		break;
	default:
		code = bench(&(struct invocation){.argc = argc, .argv = argv, .config = &config, .arena = &arena});
		break;
	}
	arena_release(&arena);
	return code;
}
