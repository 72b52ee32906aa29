"""What `make bench` says a hold costs: measured on servers that are as small as they can be."""

import os
import pathlib
import sys

import pytest
from harness import paths

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent.parent / "scripts" / "bench"))
os.environ.setdefault("BENCH_SECONDS", "2")
import database  # noqa: E402
import on_peer  # noqa: E402
import on_postgres  # noqa: E402
import on_sqlite  # noqa: E402
import programs  # noqa: E402

SMALL = ("--rate", "300", "--check", "none")
STATISTICS = """WAL statistics between 0/1 and 0/2:
Type                                           N      (%)          Record size      (%)             FPI size      (%)        Combined size      (%)
----                                           -      ---          -----------      ---             --------      ---        -------------      ---
XLOG/CHECKPOINT_ONLINE                         0 (  0.00)                    0 (  0.00)                    0 (  0.00)                    0 (  0.00)
Heap/INSERT                                  200 ( 50.00)                30000 ( 75.00)                 8000 (100.00)                38000 ( 79.17)
Btree/INSERT_LEAF                            200 ( 50.00)                10000 ( 25.00)                    0 (  0.00)                10000 ( 20.83)
                                        --------                      --------                      --------                      --------
Total                                        400                         40000 [83.33%]                 8000 [16.67%]                48000 [100%]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    for module in (programs, on_sqlite):
        monkeypatch.setattr(module, "WORK", tmp_path)
    monkeypatch.setattr(programs, "BIN", paths.BIN_DIR)
    monkeypatch.setattr(database, "BIN", paths.BIN_DIR)
    monkeypatch.setattr(database, "EVENTS", 1)


def test_the_statistics_of_the_log_are_read():
    assert database.wal_stats(STATISTICS) == {"Heap/INSERT": (200, 38000), "Btree/INSERT_LEAF": (200, 10000)}
    assert database.lsn(0x1_0000_00AB) == "1/AB"


def test_a_disturbed_run_says_so():
    assert programs.disturbance(1000, 1100) == ""
    assert programs.disturbance(1000, 700).startswith("DISTURBED")
    assert programs.disturbance(700, 1000).startswith("DISTURBED")


def test_the_cost_of_a_hold_on_postgres():
    with database.database() as db, programs.program("tro-api", CRDB_DSN=db.dsn) as api:
        report = on_postgres.sampled(db, api, "holds", 8, *SMALL)
    # Fewer bytes cannot say what was held, whose it is, and that it is there; rounds are a load and a commit, or the commit alone.
    assert 300 < report["wal_bytes"] < 20000, report
    assert report["wal_bytes_by_type"]["Heap/INSERT"] > 20, report
    assert report["cost_us"]["database"] > 0 and report["cost_us"]["api"] > 0, report
    assert report["batch_holds"] >= 1 and report["round_trips"] > 0.5, report
    assert len(list(on_postgres.rows_of_writing(report))) == 2


def test_half_a_load_says_what_its_tail_may_be_of():
    with database.database() as db, programs.program("tro-api", CRDB_DSN=db.dsn) as api:
        segments = db.wal_segments()
        db.psql("-c", "SELECT pg_switch_wal()", "-c", "CREATE TABLE more AS SELECT 1 AS number", "-c", "SELECT pg_switch_wal()")
        assert db.wal_segments() - segments, "nothing of the log is there to be used again: it has to be made"
        report = on_postgres.half_loaded(db, api, 200)
    # What was written before is used again, and nothing is made anew.
    assert report["segments_made"] == 0 and report["checkpoints"] >= 0, report
    assert report["timer_late_p99_ms"] >= 0 and report["begun_late_max_ms"] >= report["begun_late_p99_ms"] > 0, report
    assert "timers" in on_postgres.said_of_half(report)


def test_the_cost_of_a_hold_on_sqlite():
    with programs.program("tro", "serve") as server:
        report = on_sqlite.sampled(server, 8, *SMALL)
    assert 100 < report["stored_bytes"] < 20000, report
    assert report["written_bytes"] >= 0 and report["cost_us"] > 0 and report["batch_holds"] >= 1, report


def test_a_peer_is_loaded_beside_ours(monkeypatch):
    with database.database() as db, programs.program("tro-api", CRDB_DSN=db.dsn, JWT_SECRET="j" * 40, PAYMENT_SECRET="p" * 40) as api:
        monkeypatch.setenv("BENCH_PEER_URL", api.url)
        with pytest.raises(SystemExit, match="BENCH_PEER_JWT_SECRET and BENCH_PEER_PAYMENT_SECRET"):
            on_peer.from_environment()
        monkeypatch.setenv("BENCH_PEER_JWT_SECRET", "j" * 40)
        monkeypatch.setenv("BENCH_PEER_PAYMENT_SECRET", "p" * 40)
        small = ("--requests", "50", "--users", "20", "--duration", "60s")
        results = on_peer.measure(on_peer.from_environment(), *small, loads=(("holds", 4), ("flow", 2)))
        assert not [report["failure"] for reports in results.values() for report in reports.values() if "failure" in report]
        assert api.metric("tro_holds_total") >= 100, "the peer was not asked"
        assert api.metric("tro_orders_total") >= 50
    for load in ("holds 4", "flow 2"):
        assert set(results[load]) == {"SQLite", "PostgreSQL", "peer"}
        assert all(report["steps"]["hold"]["count"] == 50 for report in results[load].values()), results
    table = list(on_peer.rows(results))
    assert [row[0] for row in table] == ["holds at 4 connections", "whole purchases at 2 connections"]
    assert all("p99" in figure for row in table for figure in row[1:]), table


def test_a_peer_that_refuses_the_tokens_has_failed(monkeypatch):
    with programs.program("tro", "serve") as server:
        peer = on_peer.Peer(server.url, "not-the-secret-of-this-server-at-all", "p" * 40)
        report = on_peer.outcome(peer, "holds", 2, "--requests", "5", "--patience", "2s")
    assert on_peer.cell("holds 2", report).startswith("failed: ")
    assert "401" in report["failure"], report
