/* postgres_proxy.h: stands between clients and a PostgreSQL server, knows where messages begin, and does to a COMMIT what a network may do.
 *
 * A thread of its own for each connection. A client's exchange, all it sends up to a Sync, is passed on when it is whole, so clients are those
 * that wait for the answer to one exchange before they send the next. They must do without TLS: they are told that the server has none.
 * A COMMIT is a statement of just this word, prepared or simple; a fault takes an exchange that has one, with its BEGIN before it. */
#pragma once

#include <stdint.h>

enum proxy_fault {
	PROXY_CUTS_BEFORE_COMMIT, /* the server gets everything but the COMMIT, and then both are cut off */
	PROXY_CUTS_BEFORE_ANSWER, /* the server has committed; the client is cut off before it hears of it */
	PROXY_CUTS_IN_ANSWER,     /* the same, after half the bytes of the answer */
	PROXY_CUTS_ANYHOW,        /* these three by turns */
	PROXY_HOLDS_TRANSACTION,  /* the client is cut off; all that it sent waits */
	PROXY_HOLDS_COMMIT,       /* the client is cut off; the server has done everything but the COMMIT, which waits */
	PROXY_DELAYS_COMMIT,      /* the COMMIT waits, and the client with it */
	PROXY_SAYS_UNKNOWN,       /* the answer to the COMMIT, whatever it is, becomes an error 40003 */
};

#define PROXY_STATE_MAX 6 /* an SQLSTATE as a string */

struct postgres_proxy;

/* Listens on 127.0.0.1; listen_port 0: any free one. NULL: errno says why. */
struct postgres_proxy *postgres_proxy_new(const char *server_host, uint16_t server_port, uint16_t listen_port);
/* Cuts everybody off and ends every thread. Takes NULL. */
void postgres_proxy_free(struct postgres_proxy *proxy);
uint16_t postgres_proxy_port(const struct postgres_proxy *proxy);
/* How many connections were accepted so far. */
uint32_t postgres_proxy_connections(const struct postgres_proxy *proxy);
/* How many exchanges were whole so far: round trips. */
uint32_t postgres_proxy_exchanges(const struct postgres_proxy *proxy);

/* From now on every `every`-th COMMIT meets the fault, `times` times in all. Replaces what was armed before. */
void postgres_proxy_arm(struct postgres_proxy *proxy, enum proxy_fault fault, uint32_t every, uint32_t times);
/* How many COMMITs have met a fault. */
uint32_t postgres_proxy_faults(struct postgres_proxy *proxy);
/* Waits until a transaction or COMMIT is held. */
void postgres_proxy_wait_held(struct postgres_proxy *proxy);
/* Lets go what is held and waits until the server has answered it: "00000" when it committed, the SQLSTATE of the error when it did not,
 * "08006" when the server was gone. */
void postgres_proxy_let_go(struct postgres_proxy *proxy, char ret_state[static PROXY_STATE_MAX]);
/* Cuts every connection that is there now. */
void postgres_proxy_cut_all(struct postgres_proxy *proxy);
