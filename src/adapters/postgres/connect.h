/* connect.h: a connection to the server of a DSN. Private to the PostgreSQL adapter.
 *
 * Looking up names, connecting, TLS and the log-in share one time limit: connect_timeout of the DSN, or 3 seconds. Each try is one TCP
 * connection. Of several hosts or addresses each is tried in turn, with its part of the time that is left. */
#pragma once

#include "adapters/postgres/link.h"
#include "base/attributes.h"

/* Makes connection->handle. False: there is none, and the connection's problem says why. */
must_check bool connect_session(struct connection *connection);
