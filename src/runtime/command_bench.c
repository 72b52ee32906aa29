/* command_bench.c: `tro bench`: the load generator with what the configuration knows. */
#include "bench/command.h"
#include "runtime/commands.h"
#include "runtime/secrets.h"
#include "runtime/server_url.h"
#include "runtime/terminal.h"

int run_bench(const struct invocation *invocation)
{
	const struct config_auth *auth = &invocation->config->auth;
	int code = secrets_need(invocation);
	if (code != EXIT_DONE)
		return code;
	const struct bench_defaults defaults = {
		.url = server_url(&invocation->config->http.listen, invocation->arena),
		.jwt_secret = auth->jwt_secret,
		.jwt_issuer = auth->jwt_issuer,
		.jwt_audience = auth->jwt_audience,
		.payment_secret = auth->payment_secrets.items[0],
	};
	return bench_command(invocation->argc, invocation->argv, &defaults);
}
