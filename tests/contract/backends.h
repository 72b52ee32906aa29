/* backends.h: the databases that the contract suites run over. A new adapter is one more row of the table in backends.c. */
#pragma once

#include <stddef.h>

#include <stdarg.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ports/audit.h"
#include "ports/catalog.h"
#include "ports/outbox.h"
#include "ports/privacy.h"
#include "ports/reader.h"
#include "ports/seat_feed.h"
#include "ports/store.h"

struct backend;

/* Each is a connection of its own, for the caller to free. */
struct store *backend_store(struct backend *backend);
struct reader *backend_reader(struct backend *backend);
struct seat_feed *backend_seat_feed(struct backend *backend);
struct outbox *backend_outbox(struct backend *backend);
struct catalog *backend_catalog(struct backend *backend); /* of memory: each is empty */

/* NULL: this backend has none. */
struct audit *backend_audit(struct backend *backend);
struct privacy *backend_privacy(struct backend *backend);

/* Takes the event out of what is stored, as only damage does. False: this backend cannot. */
bool backend_lose_event(struct backend *backend, const struct uuid *id);

/* Of PostgreSQL only. */
const char *backend_dsn(const struct backend *backend);

/* For cmocka: *state is a struct backend with an empty database. */
int backend_setup(void **state);
int backend_teardown(void **state);

#define BACKEND_TEST(function) cmocka_unit_test_setup_teardown(function, backend_setup, backend_teardown)

/* Runs the tests over every backend of the embedded ones; over PostgreSQL alone when TRO_TEST_POSTGRES has a server's DSN. Answers how many
 * failed. */
int backends_run(const char *suite, const struct CMUnitTest *tests, size_t count);
/* The same; over MongoDB alone when TRO_TEST_MONGO has a server's URI. */
int backends_run_catalogs(const char *suite, const struct CMUnitTest *tests, size_t count);
