/* postgres_proxy.c: the proxy of tests/support/postgres_proxy.h as a program, to put between the services and their database.
 *
 *	tro-pg-proxy SERVER_HOST SERVER_PORT [LISTEN_PORT [EVERY [FAULT]]]
 *
 * LISTEN_PORT 0 (the default) takes any free port of 127.0.0.1; the first line on stdout is "READY host=127.0.0.1 port=PORT", which goes into a DSN
 * in place of the server's. EVERY n makes every n-th COMMIT meet the FAULT: "before" (cut before the COMMIT reaches the server), "after" (cut when
 * the server has committed), "during" (cut in the middle of its answer), "unknown" (the answer becomes SQLSTATE 40003) or "any" (the default: the
 * three cuts by turns); 0 (the default) cuts none. SIGUSR1 cuts all connections that are there. SIGTERM and SIGINT end it, with a last line "FAULTS n". */
#include "tests/support/postgres_proxy.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	enum proxy_fault fault;
} faults[] = {
	{"before", PROXY_CUTS_BEFORE_COMMIT}, {"after", PROXY_CUTS_BEFORE_ANSWER}, {"during", PROXY_CUTS_IN_ANSWER},
	{"unknown", PROXY_SAYS_UNKNOWN},      {"any", PROXY_CUTS_ANYHOW},
};

static int usage(void)
{
	(void)fprintf(stderr, "usage: tro-pg-proxy SERVER_HOST SERVER_PORT [LISTEN_PORT [EVERY [before|after|during|unknown|any]]]\n");
	return 2;
}

/* Signals are blocked, so that they come here and not into the proxy's threads. */
static void serve_signals(struct postgres_proxy *proxy, const sigset_t *signals)
{
	int number;
	while (sigwait(signals, &number) == 0 && number == SIGUSR1)
		postgres_proxy_cut_all(proxy);
}

int main(int count, char **words)
{
	if (count < 3 || count > 6)
		return usage();
	unsigned long server_port = strtoul(words[2], NULL, 10), listen_port = count > 3 ? strtoul(words[3], NULL, 10) : 0;
	unsigned long every = count > 4 ? strtoul(words[4], NULL, 10) : 0;
	const char *name = count > 5 ? words[5] : "any";
	size_t chosen = 0;
	while (chosen < sizeof faults / sizeof *faults && strcmp(faults[chosen].name, name) != 0)
		chosen++;
	if (server_port == 0 || server_port > UINT16_MAX || listen_port > UINT16_MAX || every > UINT32_MAX ||
	    chosen == sizeof faults / sizeof *faults)
		return usage();

	sigset_t signals;
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGUSR1);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	struct postgres_proxy *proxy = postgres_proxy_new(words[1], (uint16_t)server_port, (uint16_t)listen_port);
	if (proxy == NULL) {
		perror("tro-pg-proxy");
		return 1;
	}
	if (every > 0)
		postgres_proxy_arm(proxy, faults[chosen].fault, (uint32_t)every, UINT32_MAX);
	(void)printf("READY host=127.0.0.1 port=%u\n", postgres_proxy_port(proxy));
	(void)fflush(stdout);
	serve_signals(proxy, &signals);
	(void)printf("FAULTS %u\n", postgres_proxy_faults(proxy));
	postgres_proxy_free(proxy);
	return 0;
}
