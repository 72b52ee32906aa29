/* command_health.c: `tro health`: for health checks of containers and scripts, which have no curl. */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/commands.h"
#include "runtime/flags.h"
#include "runtime/http_client.h"
#include "runtime/server_url.h"
#include "runtime/terminal.h"

#define TIMEOUT_S 3

int run_health(const struct invocation *invocation)
{
	const char *url = NULL;
	bool is_live = false;
	const struct flag flags[] = {{.name = "--live", .is_given = &is_live}, {.name = "--url", .value = &url}};
	int code = flags_read("health", invocation, flags, ARRAY_LENGTH(flags), NULL, 0);
	if (code != EXIT_DONE)
		return code;
	const char *trusted = url == NULL ? invocation->config->http.tls_certificate : NULL;
	if (url == NULL)
		url = server_url_of_any(&invocation->config->http, invocation->arena);
	struct slice target = arena_format(invocation->arena, "%s/v1/%s", url == NULL ? "" : url, is_live ? "healthz" : "readyz");
	if (url == NULL || target.data == NULL)
		return complain("out of memory");
	struct http_answer answer;
	code = http_call(target.data, trusted, NULL, (struct slice){0}, TIMEOUT_S, &answer);
	if (code != EXIT_DONE)
		return code;
	printf("%s\n", answer.status == 200 ? is_live ? "live" : "ready" : is_live ? "not live" : "not ready");
	free(answer.body);
	return answer.status == 200 ? EXIT_DONE : EXIT_FAILED;
}
