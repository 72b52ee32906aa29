"""Whether every statement of the adapter finds its rows by an index, whatever the tables hold and whatever the server knows of them."""

import json

import pytest

SEATS, EVENTS = 200_000, 8
SMALL = {"meta", "migrations", "outbox_partitions", "outbox_publishers", "seatings"}  # a row or some: a page is all there is to read

# Each row refers to those that it would in a real store: a hundredth of the seats are held, as many are sold.
FILL = f"""
CREATE FUNCTION id(kind int8, n int8) RETURNS uuid IMMUTABLE LANGUAGE SQL AS
	$$ SELECT (lpad(to_hex(1700000000000 + n), 12, '0') || '7000' || lpad(to_hex(kind), 4, '8') || lpad(to_hex(n), 12, '0'))::uuid $$;
INSERT INTO sales SELECT id(1, n), 1, 1, 'EUR', 0, 0, {SEATS // EVENTS}, n FROM generate_series(1, {EVENTS}) AS numbers (n);
INSERT INTO catalog SELECT id(1, n), 'name', 'venue', '', n, 1, 'EUR', 0, 0, {SEATS // EVENTS}, n, n
	FROM generate_series(1, {EVENTS}) AS numbers (n);
INSERT INTO seats SELECT id(1, 1 + n % {EVENTS}), convert_to('A-' || n / {EVENTS}, 'UTF8'), 1 + n / {EVENTS}, 'A', '1', 1000, 1 + (n % 50) % 4,
	id(2, n), n FROM generate_series(0, {SEATS} - 1) AS numbers (n);
INSERT INTO holds SELECT id(2, n), id(1, 1 + n % {EVENTS}), 'user' || n, 2, CASE WHEN n % 20 = 0 THEN 1 ELSE 2 END, n, n, 'A-1', n
	FROM generate_series(1, 50000) AS numbers (n);
INSERT INTO orders SELECT id(3, n), id(2, n), id(1, 1 + n % {EVENTS}), 'user' || n, 2, CASE WHEN n % 20 = 0 THEN 1 ELSE 2 END, 1, 'EUR', 1000, n, n,
	'1000 A-1', n FROM generate_series(1, 40000) AS numbers (n);
UPDATE orders SET paid = total, kept = total WHERE status = 2;
INSERT INTO payments SELECT convert_to('transaction-' || n, 'UTF8'), id(3, n), 1, id(4, n), n FROM generate_series(1, 30000) AS numbers (n);
INSERT INTO refunds SELECT id(4, n), id(3, n), id(1, 1 + n % {EVENTS}), convert_to('transaction-' || n, 'UTF8'), 1000, 'EUR', 1,
	CASE WHEN n % 20 = 0 THEN 1 ELSE 2 END, n, n, id(4, n), n FROM generate_series(1, 20000) AS numbers (n);
INSERT INTO events SELECT id(4, n), id(2, n / 3), 1 + n % 3, 1, n, 'user', '', CASE WHEN n % 3 = 0 THEN id(5, n) END, NULL, '{{}}'
	FROM generate_series(1, 150000) AS numbers (n);
INSERT INTO outbox SELECT n % 16, id(4, n), '' FROM generate_series(1, 20000) AS numbers (n);
INSERT INTO abandoned_commits SELECT id(6, n) FROM generate_series(1, 1000) AS numbers (n);
"""


@pytest.fixture(scope="module")
def filled(server, postgres_statements):
    server.psql("tro", FILL)
    yield server


def scanned(plan, is_limited=False):
    """The tables that the plan reads whole, be it along an index."""
    kind = plan["Node Type"]
    is_whole = kind in ("Seq Scan", "Sample Scan") or kind.startswith("Index") and "Index Cond" not in plan and not is_limited
    own = [plan["Relation Name"]] if is_whole else []
    return own + [table for part in plan.get("Plans", []) for table in scanned(part, kind == "Limit")]


def plans_of(server, settings, statements):
    """The plan that a session of the adapter has for each: the generic one, which depends on no value."""
    plans = []
    for sql in statements:
        answer = server.psql("tro", f"""
            {settings};
            PREPARE looked_at AS {sql};
            SELECT 'EXPLAIN (FORMAT JSON) EXECUTE looked_at' || coalesce('(' || string_agg('NULL', ',') || ')', '')
            FROM pg_prepared_statements, unnest(parameter_types) WHERE name = 'looked_at' \\gexec
            """)
        plans.append(json.loads(answer)[0]["Plan"])
    return plans


def explainable(statements):
    """Statements that have a plan; but a replay reads the tables that it empties whole, and so does the search for a user's data, some times a month."""
    return [statement.sql for statement in statements
            if statement.is_prepared and statement.user != "privacy" and not statement.sql.endswith("WHERE true") and statement.sql.split()[0].strip("(") in ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")]


def settings_of(statements):
    """What a session sets when it begins."""
    return ";".join(statement.sql for statement in statements if statement.user == "store" and statement.sql.startswith("SET "))


FORGET = "DELETE FROM pg_statistic; UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"


@pytest.mark.parametrize("knowledge", [FORGET, "ANALYZE"], ids=["nothing_is_known", "all_is_known"])
def test_no_statement_reads_a_table_whole(filled, postgres_statements, knowledge):
    filled.psql("tro", knowledge)
    statements = explainable(postgres_statements)
    assert len(statements) > 40
    plans = plans_of(filled, settings_of(postgres_statements), statements)
    whole = {sql: set(scanned(plan)) - SMALL for sql, plan in zip(statements, plans)}
    assert {sql: tables for sql, tables in whole.items() if tables} == {}


@pytest.mark.parametrize("sql", ["SELECT count(*) FROM seats WHERE price = $1::int8", "SELECT seat FROM seats ORDER BY event_id, seat"])
def test_a_statement_without_an_index_is_found(filled, postgres_statements, sql):
    assert scanned(plans_of(filled, settings_of(postgres_statements), [sql])[0]) == ["seats"]
