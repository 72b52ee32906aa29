/* session.h: making the session of a connection. Private to the PostgreSQL adapter. */
#pragma once

#include "adapters/postgres/link.h"
#include "base/attributes.h"

#define NEWER_PROBLEM "the schema of the database is newer than this program"

/* The oldest tables that the statements of this program can work on, by their last migration. */
#define POSTGRES_OLDEST_SCHEMA 17

/* Connects, configures the session, and looks at the schema where there are statements. False: the connection's problem says why, and its
 * handle is of no use. */
must_check bool session_make(struct connection *connection);
