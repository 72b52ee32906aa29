"""CockroachDB's parser and settings accept the adapter's statements, as far as can be told without a server.

Its own parser, built from its public module, reads every text. The parser knows no functions, types or meanings: for those there are
lists here, of what CockroachDB does not do as PostgreSQL does it, and of the functions and types that it is known to have.
"""

import re
import subprocess

import pytest

from peers import go_program

pytestmark = pytest.mark.timeout(1800)  # the first time the parser is built

LACKS = {
    r"\bpg_(try_)?advisory_": "advisory locks lock nothing",
    r"\b(un)?listen\b|\bnotify\b|\bpg_notify\b": "there is no LISTEN and NOTIFY",
    r"\bexclude\s+using\b": "there are no exclusion constraints",
    r"\bdeferrable\b|\bdeferred\b": "constraints cannot be deferred",
    r"\bcreate\s+domain\b": "there are no domains",
    r"\b(int4|int8|num|ts|tstz|date)(multi)?range\b": "there are no range types",
    r"\bas\s+of\s+system\s+time\s+\$": "AS OF SYSTEM TIME takes no placeholder",
    r"\bon\s+conflict\s*\([^)]*\(": "ON CONFLICT takes columns, not expressions",
    r"\border\s+by\s[^()]*\b(idempotency_key|fingerprint)\b": "NULLs come first: do not order by what may be NULL",
    r"(?<!\bselect 1) / ": "int / int is decimal; only the guards divide, for the error",
    r"\b(xmin|xmax|ctid|tableoid)\b": "there are no such system columns",
    r"\bcreate\s+(extension|rule|unlogged|temp|temporary)\b": "it is not there, or does nothing",
    r"\bsetval\b|\bnextval\b|\bserial\b|\bbigserial\b|\bidentity\b": "sequences are hot, and their numbers leave gaps",
    # But for the fence's: there the isolation does what its lock does on PostgreSQL (docs/adr/0025).
    r"\bfor\s+(no\s+key\s+)?(update|share)\b(?!\s+skip|\s+of\s+e$)": "row locks are best effort: rely on the isolation",
}

FUNCTIONS = {"array_agg", "clock_timestamp", "coalesce", "count", "extract", "generate_series", "length", "max", "min", "nullif", "repeat", "replace", "right", "set_config", "string_to_array", "transaction_timestamp", "translate",
             "split_part", "sum", "unnest"}
TYPES = {"bytea", "bytea[]", "int8", "int8[]", "text", "text[]", "uuid", "uuid[]"}


def bare(sql):
    """Without comments and strings, in small letters, with single blanks."""
    return " ".join(re.sub(r"--[^\n]*|/\*.*?\*/|'[^']*'", " ", sql, flags=re.S).lower().split())


def changed_tables(statement):
    """Each as often as the statement writes to it."""
    return re.findall(r"\b(?:update|insert into|delete from|truncate)\s+(\w+)", re.sub(r"\bdo update\b", "", statement))


def unknown_functions(statement):
    """Names that touch their parenthesis; words of SQL keep away from it."""
    return set(re.findall(r"\b([a-z_][a-z0-9_]*)\(", statement)) - FUNCTIONS


def complaints(sql):
    """What CockroachDB would do otherwise, in words."""
    text = bare(sql)
    found = [why for pattern, why in LACKS.items() if re.search(pattern, text)]
    for statement in text.split(";"):
        tables = changed_tables(statement)
        if len(set(tables)) < len(tables):
            found.append("a statement may change a table only once")
        found += [f"is {name} a function there?" for name in sorted(unknown_functions(statement))]
        found += [f"is {name} a type there?" for name in sorted(set(re.findall(r"::([a-z0-9_]+(?:\[\])?)", statement)) - TYPES)]
    return found


def test_the_go_that_is_installed_is_new_enough_for_every_module():
    """A machine without Go of its own builds the parser and the peers with this one."""
    assert go_program.version_in(go_program.GO_PACKAGE) >= go_program.version_needed() > (1,)


@pytest.fixture(scope="session")
def parser():
    return go_program.build("crdbparse")


def refusals(parser, texts):
    """The texts that the parser does not take, and how many statements it saw."""
    refused, seen = [], 0
    for sql in texts:
        done = subprocess.run([parser], input=sql, capture_output=True, text=True, timeout=60)
        assert done.returncode in (0, 1), done.stderr
        seen += int(re.search(r"(\d+) parsed", done.stdout)[1])
        if done.returncode == 1:
            refused.append(f"{sql}\n{done.stdout}")
    return refused, seen


def test_the_parser_takes_all_that_is_sent(parser, cockroach_statements):
    refused, seen = refusals(parser, [statement.sql for statement in cockroach_statements])
    assert refused == []
    assert seen > 80


def test_every_port_is_looked_at(cockroach_statements):
    prepared = {statement.user for statement in cockroach_statements if statement.is_prepared}
    assert prepared == {"store", "reader", "outbox", "catalog", "audit", "privacy"}
    assert "migrations" in {statement.user for statement in cockroach_statements}


def test_nothing_is_used_that_is_not_there(cockroach_statements):
    found = {statement.sql: complaints(statement.sql) for statement in cockroach_statements}
    assert {sql: why for sql, why in found.items() if why} == {}


def test_settings_are_those_of_the_server(cockroach_statements, postgres_statements):
    cockroach, plain = (" ".join(statement.sql for statement in sent) for sent in (cockroach_statements, postgres_statements))
    assert "default_transaction_use_follower_reads = off" in cockroach and "enable_seqscan" not in cockroach
    assert "enable_seqscan = off" in plain and "follower_reads" not in plain


def test_keys_that_begin_with_the_time_are_spread(cockroach_statements):
    tables = " ".join(bare(statement.sql) for statement in cockroach_statements if statement.user == "migrations")
    for key in (r"primary key \(stream_id, sequence\)", r"events_id on events \(id\)", "hold_id uuid primary key", "order_id uuid primary key",
                r"holds_due on holds \(expires_at, hold_id\)", r"orders_due on orders \(pay_by, order_id\)"):
        assert re.search(f"{key} using hash", tables), key


def test_statements_are_the_same_for_both_servers(cockroach_statements, postgres_statements):
    cockroach, plain = ([statement.sql for statement in sent if statement.is_prepared] for sent in (cockroach_statements, postgres_statements))
    assert cockroach == plain


@pytest.mark.parametrize("sql", [
    "LISTEN orders",
    "CREATE DOMAIN seat AS text",
    "CREATE TABLE t (a int8, UNIQUE (a) DEFERRABLE)",
    "CREATE TABLE t (a int8, EXCLUDE USING gist (a WITH =))",
    "SELECT FROM WHERE",
])
def test_the_parser_finds_what_is_no_sql_there(parser, sql):
    assert refusals(parser, [sql])[0] != []


@pytest.mark.parametrize("sql", [
    "SELECT pg_advisory_xact_lock(1)",
    "SELECT pg_notify('a', 'b')",
    "CREATE TABLE t (a tstzrange)",
    "SELECT * FROM seats AS OF SYSTEM TIME $1",
    "INSERT INTO t VALUES (1) ON CONFLICT (lower(a)) DO NOTHING",
    "SELECT id FROM events ORDER BY idempotency_key LIMIT 1",
    "SELECT count(*) / 2 FROM seats",
    "SELECT ctid FROM seats",
    "WITH a AS (UPDATE seats SET price = 1 RETURNING 1), b AS (UPDATE seats SET price = 2 RETURNING 1) SELECT 1",
    "SELECT jsonb_path_query($1::jsonb, $2::jsonpath)",
    "SELECT 1 FROM holds FOR UPDATE",
])
def test_the_lists_find_what_is_otherwise_there(parser, sql):
    assert complaints(sql) != []
