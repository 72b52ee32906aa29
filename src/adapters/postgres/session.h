/* session.h: making the session of a connection. Private to the PostgreSQL adapter. */
#pragma once

#include "adapters/postgres/link.h"
#include "base/attributes.h"

/* Connects, configures the session, and looks at the schema where there are statements. False: the connection's problem says why, and its handle
 * is of no use. */
must_check bool session_make(struct connection *connection);
