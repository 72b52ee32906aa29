/* session.h: making the session of a connection. Private to the PostgreSQL adapter. */
#pragma once

#include "adapters/postgres/connection.h"
#include "base/attributes.h"

/* Connects, configures the session, looks at the schema and prepares the statements. False: the connection's problem says why, and its handle
 * is of no use. */
must_check bool session_make(struct connection *connection);
