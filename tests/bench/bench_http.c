/* bench_http.c: the HTTP server with nothing behind it, for a load generator such as wrk to measure.
 *
 *	bench_http [PORT]    serves tests/support/echo_server.h with two loops until its standard input ends
 *
 * GET /ping is answered by the loop; POST /echo is handed to another thread and back. Prints the port. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/echo_server.h"

int main(int argc, char **argv)
{
	struct http_server_options options = http_server_defaults();
	options.addresses[0].port = argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 0;
	struct echo_server echo;
	echo_server_start(&echo, options);
	printf("%u\n", http_server_port(echo.server));
	fflush(stdout);
	char byte;
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return echo_server_stop(&echo, 1000) ? 0 : 1;
}
