"""`tro` on the command line: its output, its exit codes, and one clear line for each mistake."""

import json
import os
import re
import subprocess
import uuid

import pytest

from harness import credentials, paths
from harness.problems import expect
from harness.server import environment, eventually, free_port, run_tro

SUBCOMMANDS = [
    ["serve"],
    ["migrate"],
    ["event", "create"],
    ["event", "import"],
    ["event", "list"],
    ["event", "pause"],
    ["event", "resume"],
    ["event", "cancel"],
    ["refund", "list"],
    ["refund", "done"],
    ["token"],
    ["pay"],
    ["verify"],
    ["replay"],
    ["backup"],
    ["restore"],
    ["bench"],
    ["health"],
    ["config"],
    ["version"],
]
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


@pytest.fixture
def options(tmp_path) -> dict[str, str]:
    """The configuration of a server that does not run."""
    return {
        "DATA_DIR": str(tmp_path / "data"),
        "LISTEN_ADDR": f"127.0.0.1:{free_port()}",
        "JWT_SECRET": credentials.JWT_SECRET,
        "PAYMENT_SECRET": credentials.PAYMENT_SECRET,
        "RATE_LIMIT_USER": "off",
        "RATE_LIMIT_IP": "off",
    }


def succeed(done: subprocess.CompletedProcess) -> str:
    assert done.returncode == 0, f"{done.args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def fail(done: subprocess.CompletedProcess, code: int = 1) -> str:
    """The one line that says why."""
    assert done.returncode == code, f"{done.args}: {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}"
    lines = done.stderr.strip().splitlines()
    assert lines, f"{done.args} failed without a word"
    if code == 1:
        assert len(lines) == 1, f"more than one line: {done.stderr}"
    return lines[0]


# Help and usage


@pytest.mark.parametrize("command", SUBCOMMANDS, ids=" ".join)
def test_help_has_an_example(command):
    text = succeed(run_tro(*command, "--help"))
    assert f"tro {command[0]}" in text
    assert "xample" in text


def test_help_lists_the_commands():
    text = succeed(run_tro("--help"))
    for command in {words[0] for words in SUBCOMMANDS}:
        assert re.search(rf"\b{command}\b", text), command


@pytest.mark.parametrize("program", ["tro-api", "tro-expiry-worker", "tro-outbox-publisher"])
def test_the_other_programs_have_help(program):
    assert program in succeed(run_tro("--help", program=program))


def test_the_other_programs_list_the_settings_that_they_use():
    of_api, of_publisher = {"--hold-ttl", "--jwt-secret", "--rate-limit-user", "--mongo-uri", "--redis-addr"}, {"--rabbit-url", "--rabbit-batch"}
    for program, uses in (("tro-api", of_api), ("tro-expiry-worker", set()), ("tro-outbox-publisher", of_publisher)):
        flags = set(re.findall(r"^  (--[a-z-]+)", succeed(run_tro("--help", program=program)), re.M))
        assert flags & (of_api | of_publisher) == uses, program
        assert {"--crdb-dsn", "--listen-addr", "--admin-addr", "--log-level"} <= flags


def test_an_api_alone_on_the_embedded_store_says_what_is_missing(start_server):
    server = start_server(program="tro-api")
    [warning] = [entry["message"] for entry in server.log() if entry["level"] == "warn" and "CRDB_DSN" in entry["message"]]
    assert warning.startswith("CRDB_DSN is not set") and "tro serve" in warning
    assert expect(server.api().hold(server.api().create_event()["event_id"], ["A-1-1"]), 201)


@pytest.mark.parametrize("program", ["tro-expiry-worker", "tro-outbox-publisher"])
def test_commands_that_need_a_shared_store_say_so(options, program):
    """The embedded store belongs to one process, which does this work itself."""
    assert "CRDB_DSN" in fail(run_tro(program=program, **options))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["--nonsense"],
        ["serve", "--nonsense"],
        ["serve", "extra"],
        ["event"],
        ["event", "nonsense"],
        ["event", "create"],
        ["event", "pause"],
        ["event", "pause", "a", "b"],
        ["token", "--nonsense", "x"],
        ["token", "extra"],
        ["pay"],
        ["pay", "019aae7d-6b60-7c42-9a55-7e3390c1d7e4"],
        ["verify", "extra"],
        ["version", "extra"],
        ["health", "extra"],
        ["config", "--nonsense"],
        ["migrate", "extra"],
        ["serve", "--hold-ttl"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2(options, arguments):
    done = run_tro(*arguments, **options)
    assert done.returncode == 2, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    assert done.stderr.strip()


def test_results_that_are_lost_are_a_failure(server, api, event):
    """A disk that is full; but who reads no further has what it wanted."""
    api.held(event["event_id"], "A-1-1")
    for arguments in (["token", "--user", "ada"], ["event", "list"], ["user", "export", "ada"], ["config"], ["version"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([paths.TRO, *arguments], env=environment(server.options), stdout=full, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 1 and done.stderr == "tro: cannot write to standard output\n", (arguments, done)
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run([paths.TRO, *arguments], env=environment(server.options), stdout=writing, stderr=subprocess.PIPE, text=True)
        os.close(writing)
        assert done.returncode == 0 and done.stderr == "", (arguments, done)


@pytest.mark.parametrize("program", ["tro", "tro-api", "tro-expiry-worker", "tro-outbox-publisher"])
def test_a_server_started_wrongly_says_so_in_a_log_line(options, program):
    """Who collects the log of a server reads nothing but JSON."""
    for argument in ("--nonsense", "extra", "--hold-ttl"):
        done = run_tro(*(["serve"] if program == "tro" else []), argument, program=program, **options)
        [line] = done.stderr.splitlines()
        assert done.returncode == 2 and {"time", "level", "message"} <= json.loads(line).keys()


def test_version_is_one_line():
    assert re.fullmatch(r"tro \d+\.\d+\.\d+ \(commit ([0-9a-f]{40}(-dirty)?|unknown)\)\n", succeed(run_tro("version")))


# Configuration


@pytest.mark.parametrize(
    "key, value",
    [
        ("LISTEN_ADDR", "nonsense"),
        ("LISTEN_ADDR", "127.0.0.1"),
        ("LISTEN_ADDR", "127.0.0.1:99999"),
        ("LISTEN_ADDR", "127.0.0.1:http"),
        ("LISTEN_ADDR", "127.0.0.1:-1"),
        ("HOLD_TTL", "5"),
        ("HOLD_TTL", "five"),
        ("HOLD_TTL", "-1m"),
        ("HOLD_TTL", "0s"),
        ("HOLD_TTL", "99999999999h"),
        ("HOLD_TTL", "5 m"),
        ("ORDER_TTL", "1y"),
        ("SEATS_PER_HOLD_MAX", "0"),
        ("SEATS_PER_HOLD_MAX", "-1"),
        ("SEATS_PER_HOLD_MAX", "ten"),
        ("SEATS_PER_HOLD_MAX", "99999999999999999999"),
        ("HTTP_THREADS", "0"),
        ("HTTP_THREADS", "1.5"),
        ("RATE_LIMIT_USER", "100"),
        ("RATE_LIMIT_USER", "100/"),
        ("RATE_LIMIT_USER", "0/1m"),
        ("RATE_LIMIT_IP", "x/1m"),
        ("RATE_LIMIT_IP", "100/0s"),
        ("TRUSTED_PROXIES", "nonsense"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,x"),
        ("LOG_LEVEL", "loud"),
        ("CORS_ALLOWED_ORIGINS", "shop.example"),
    ],
)
def test_a_bad_value_stops_the_start_with_one_line(options, key, value):
    line = fail(run_tro("serve", **{**options, key: value}))
    assert key in line and value in line, line
    assert len(line) > len(key) + len(value) + 10, f"what is accepted is not said: {line}"


@pytest.mark.parametrize("key", ["JWT_SECRET", "PAYMENT_SECRET"])
def test_a_short_secret_is_refused_and_not_shown(options, key):
    secret = "tooshort-0123456789-0123456789x"
    line = fail(run_tro("serve", **{**options, key: secret}))
    assert key in line and "32" in line
    assert secret not in line


def test_one_short_secret_among_several_is_refused(options):
    assert "PAYMENT_SECRET" in fail(run_tro("serve", **{**options, "PAYMENT_SECRET": f"{credentials.PAYMENT_SECRET},short"}))


def test_a_flag_is_the_same_as_the_variable_and_wins(options):
    printed = succeed(run_tro("config", "--hold-ttl", "90s", **{**options, "HOLD_TTL": "7m"}))
    assert re.search(r"HOLD_TTL\W+(90s|1m30s)", printed), printed
    assert "HOLD_TTL" in fail(run_tro("serve", "--hold-ttl", "nonsense", **options))
    assert re.search(r"HOLD_TTL\W+90s|HOLD_TTL\W+1m30s", succeed(run_tro("config", "--hold-ttl=90s", **options)))


def test_config_prints_everything_and_masks_secrets(options):
    printed = succeed(run_tro("config", **{**options, "CRDB_DSN": "postgresql://app:hunter2@db.example/tro"}))
    for key in (
        "LISTEN_ADDR",
        "DATA_DIR",
        "HOLD_TTL",
        "ORDER_TTL",
        "SEATS_PER_HOLD_MAX",
        "RATE_LIMIT_USER",
        "RATE_LIMIT_IP",
        "JWT_SECRET",
        "PAYMENT_SECRET",
        "LOG_LEVEL",
    ):
        assert key in printed, key
    assert options["LISTEN_ADDR"] in printed
    assert credentials.JWT_SECRET not in printed and credentials.PAYMENT_SECRET not in printed and "hunter2" not in printed


def test_defaults_are_the_documented_ones():
    printed = succeed(run_tro("config"))
    for key, value in [
        ("LISTEN_ADDR", "127.0.0.1:8080"),
        ("HOLD_TTL", "5m"),
        ("ORDER_TTL", "15m"),
        ("SEATS_PER_HOLD_MAX", "10"),
        ("RATE_LIMIT_USER", "100/1m"),
        ("RATE_LIMIT_IP", "1000/1m"),
    ]:
        assert re.search(rf"{key}\W+{re.escape(value)}\b", printed), f"{key}={value} not in\n{printed}"


# Tokens and payments


def test_token_prints_a_token_that_is_let_in(server):
    printed = succeed(server.tro("token", "--user", "zoë", "--scope", "tro:admin tro:service", "--ttl", "1h"))
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", printed)
    api = server.api("zoë")
    api.token = printed.strip()
    event = expect(
        api.post_event(
            {"name": "N", "venue": "V", "starts_at": "2027-06-01T19:30:00Z", "currency": "EUR", "seats": [{"seat": "1", "price": 1}]}
        ),
        201,
    )
    assert expect(api.hold(event["event_id"], ["1"]), 201)["user_id"] == "zoë"


@pytest.mark.parametrize("scope, named", [("tro:nope", "tro:nope"), ("tro:admin admin", "admin"), ("tro:admin,tro:read", "tro:admin,tro:read")])
def test_token_knows_its_scopes(server, scope, named):
    done = server.tro("token", "--user", "ada", "--scope", scope)
    assert done.returncode == 2 and done.stdout == "" and len(done.stderr.splitlines()) <= 2, done
    assert f"'{named}'" in done.stderr and "tro:admin, tro:service and tro:read" in done.stderr
    for good in ("", "tro:read", " tro:admin  tro:service tro:read "):
        succeed(server.tro("token", "--user", "ada", "--scope", good))


def test_token_follows_issuer_and_audience(start_server):
    server = start_server(JWT_ISSUER="https://issuer.example", JWT_AUDIENCE="tro")
    api = server.api()
    api.token = succeed(server.tro("token", "--user", "ada")).strip()
    assert api.get_hold(str(uuid.uuid4())).status == 404


def test_token_expires(start_server):
    server = start_server(JWT_LEEWAY="0s")
    api = server.api()
    api.token = succeed(server.tro("token", "--user", "ada", "--ttl", "1s")).strip()
    eventually(lambda: api.get_hold(str(uuid.uuid4())).status == 401, within=10, every=0.1)


def test_token_needs_a_secret(options):
    assert "JWT_SECRET" in fail(run_tro("token", "--user", "ada", **{**options, "JWT_SECRET": None}))


def test_health_says_whether_a_server_can_serve(start_server):
    server = start_server()
    assert succeed(server.tro("health")) == "ready\n"
    assert succeed(server.tro("health", "--live")) == "live\n"
    server.stop()
    assert "127.0.0.1" in fail(server.tro("health"))


def test_pay_confirms_an_order(server, api, event):
    order = api.ordered(event["event_id"], "A-1-1")
    succeed(server.tro("pay", order["order_id"], "--succeed"))
    assert expect(api.get_order(order["order_id"]), 200)["status"] == "CONFIRMED"


def test_pay_fails_an_order(server, api, event):
    order = api.ordered(event["event_id"], "A-1-1")
    succeed(server.tro("pay", order["order_id"], "--fail"))
    assert expect(api.get_order(order["order_id"]), 200)["status"] == "FAILED"


def test_pay_finds_the_server_by_url(server, api, event):
    order = api.ordered(event["event_id"], "A-1-1")
    succeed(server.tro("pay", order["order_id"], "--succeed", "--url", f"http://127.0.0.1:{server.port}", LISTEN_ADDR="127.0.0.1:1"))
    assert expect(api.get_order(order["order_id"]), 200)["status"] == "CONFIRMED"


def test_pay_exits_with_1_when_the_server_refuses(server):
    assert fail(server.tro("pay", str(uuid.uuid4()), "--succeed"))


def test_pay_exits_with_1_when_there_is_no_server(options):
    assert options["LISTEN_ADDR"] in fail(run_tro("pay", str(uuid.uuid4()), "--succeed", **options))


def test_pay_takes_succeed_or_fail_and_not_both(server, api, event):
    order = api.ordered(event["event_id"], "A-1-1")
    assert server.tro("pay", order["order_id"], "--succeed", "--fail").returncode == 2
    assert expect(api.get_order(order["order_id"]), 200)["status"] == "PENDING"


# Events

EVENT = {
    "name": "Faust",
    "venue": "Town Hall",
    "starts_at": "2027-06-01T19:30:00Z",
    "currency": "EUR",
    "sections": [{"name": "A", "price": 100, "rows": 2, "seats_per_row": 3}],
}


def test_event_create_puts_a_file_on_sale(start_server, tmp_path):
    server = start_server()
    (tmp_path / "event.json").write_text(json.dumps(EVENT))
    printed = succeed(server.tro("event", "create", tmp_path / "event.json"))
    event_id = re.match(UUID, printed)[0]
    api = server.api()
    created = eventually(lambda: (response := api.get(f"/v1/events/{event_id}")).status == 200 and response.json(), within=3)
    assert (created["name"], created["seat_count"]) == ("Faust", 6)
    api.held(event_id, "A-2-3")


def test_event_create_has_a_demo(start_server):
    server = start_server()
    event_id = re.match(UUID, succeed(server.tro("event", "create", "--demo")))[0]
    api = server.api()
    seats = eventually(lambda: api.get(f"/v1/events/{event_id}/seats").status == 200 and api.seats(event_id), within=3)
    api.held(event_id, next(iter(seats)))


@pytest.mark.parametrize(
    "content, hint",
    [("{", ""), (json.dumps({**EVENT, "currency": "euro"}), "currency"), (json.dumps({**EVENT, "colour": 1}), "colour"), ("", "")],
)
def test_event_create_refuses_a_bad_file(start_server, tmp_path, content, hint):
    server = start_server()
    (tmp_path / "event.json").write_text(content)
    assert hint in fail(server.tro("event", "create", tmp_path / "event.json"))
    assert expect(server.api().get("/v1/events"), 200)["data"] == []


def test_event_create_needs_its_file(start_server, tmp_path):
    assert "missing.json" in fail(start_server().tro("event", "create", tmp_path / "missing.json"))


def test_event_list_prints_ids_first(start_server):
    server = start_server()
    api = server.api()
    assert not re.search(UUID, succeed(server.tro("event", "list")))
    created = {api.create_event(name=f"Event {number}")["event_id"] for number in range(3)}
    printed = succeed(server.tro("event", "list"))
    assert {found[0] for line in printed.splitlines() if (found := re.match(UUID, line))} == created
    assert "Event 1" in printed


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel"])
def test_an_unknown_event_fails(server, verb):
    fail(server.tro("event", verb, str(uuid.uuid4())))


def test_an_id_that_is_none_fails(server):
    assert server.tro("event", "pause", "nonsense").returncode in (1, 2)


def test_pausing_twice_is_no_error(start_server):
    server = start_server()
    event_id = server.api().create_event()["event_id"]
    for verb in ("pause", "pause", "resume", "resume", "cancel", "cancel"):
        succeed(server.tro("event", verb, event_id))


# The data folder


def test_migrate_makes_an_empty_folder_ready_and_may_be_repeated(options):
    for _ in range(3):
        succeed(run_tro("migrate", **options))
    succeed(run_tro("verify", **options))


def test_verify_is_clean_while_the_server_runs(start_server):
    server = start_server()
    api = server.api()
    event_id = api.create_event()["event_id"]
    api.confirmed(event_id, "A-1-1")
    server.verify()
    api.held(event_id, "A-1-2")


def test_verify_needs_a_data_folder(options, tmp_path):
    line = fail(run_tro("verify", **{**options, "DATA_DIR": str(tmp_path / "nothing" / "here")}))
    assert "nothing/here" in line


def test_replay_rebuilds_what_the_events_say(start_server):
    """Purchases in every state read the same after their projections were made anew."""
    server = start_server(HOLD_TTL="2s")
    api = server.api()
    event_id = api.create_event()["event_id"]
    lapsed = api.held(event_id, "A-1-1")
    released = api.held(event_id, "A-1-2")
    expect(api.release(released["hold_id"]), 204)
    orders = [api.ordered(event_id, f"A-2-{number}") for number in range(1, 6)]
    expect(api.pay(orders[1]["order_id"], transaction_id="replayed"), 200)
    expect(api.pay(orders[2]["order_id"], "FAILED"), 200)
    expect(api.cancel(orders[3]["order_id"]), 200)
    expect(api.pay(orders[4]["order_id"]), 200)
    expect(api.pay(orders[4]["order_id"]), 200)
    eventually(lambda: api.history("holds", lapsed["hold_id"])[-1] == "hold.expired", within=5)
    paused = api.create_event()["event_id"]
    succeed(server.tro("event", "pause", paused))

    def everything() -> list:
        return [
            [expect(api.get_hold(hold["hold_id"]), 200) for hold in (lapsed, released)],
            [expect(api.get_order(order["order_id"]), 200) for order in orders],
            api.seats(event_id),
            expect(api.get(f"/v1/events/{event_id}"), 200),
            expect(api.get(f"/v1/events/{paused}"), 200)["status"],
        ]

    eventually(lambda: expect(api.get(f"/v1/events/{paused}"), 200)["status"] == "paused", within=3)
    before = everything()
    server.stop()
    succeed(server.tro("replay"))
    server.verify()
    server.start()
    assert everything() == before
    assert expect(api.pay(orders[1]["order_id"], transaction_id="replayed"), 200) == before[1][1]


def test_binaries_are_there():
    for program in ("tro", "tro-api", "tro-expiry-worker", "tro-outbox-publisher"):
        assert (paths.BIN_DIR / program).is_file(), program


@pytest.mark.parametrize(
    "arguments",
    [
        ("event", "create", "--demo"),
        ("event", "list"),
        ("event", "pause", "019a9f3c-7b2e-7c41-8a55-2f6d1f0a9b3c"),
        ("event", "cancel", "019a9f3c-7b2e-7c41-8a55-2f6d1f0a9b3c", "--yes"),
        ("refund", "list"),
        ("refund", "done", "019a9f3c-7b2e-7c41-8a55-2f6d1f0a9b3c"),
    ],
)
@pytest.mark.parametrize("is_there", [False, True])
def test_a_command_finds_a_store_or_makes_none(options, tmp_path, arguments, is_there):
    """It says where it looked, and leaves nothing behind."""
    folder = tmp_path / "nowhere"
    if is_there:
        folder.mkdir()
    told = run_tro(*arguments, **{**options, "DATA_DIR": str(folder)})
    assert told.returncode == 1
    assert f"{folder}/tro.db" in told.stderr and told.stderr.count("\n") == 1
    assert list(folder.iterdir()) == [] if is_there else not folder.exists()


def test_a_relative_folder_is_told_in_full(options, tmp_path):
    told = subprocess.run(
        [paths.BIN_DIR / "tro", "event", "list", "--data-dir", "here"], cwd=tmp_path, capture_output=True, text=True, env=environment(options)
    )
    assert told.returncode == 1 and f"{tmp_path}/here/tro.db" in told.stderr
    assert list(tmp_path.iterdir()) == [] or not (tmp_path / "here").exists()


def cancel_at_a_terminal(server, event_id: str, answer: bytes) -> tuple[int, bytes]:
    """The exit code and the text on stderr."""
    primary, secondary = os.openpty()
    process = subprocess.Popen(
        [paths.BIN_DIR / "tro", "event", "cancel", event_id],
        env=environment(server.options),
        stdin=secondary,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    os.close(secondary)
    os.write(primary, answer)
    _, told = process.communicate(timeout=30)
    os.close(primary)
    return process.returncode, told


def test_cancelling_asks_at_a_terminal(start_server):
    server = start_server()
    api = server.api()
    event_id = api.create_event()["event_id"]
    for answer in (b"n\n", b"\n", b"yesterday\n"):
        code, told = cancel_at_a_terminal(server, event_id, answer)
        assert code == 1 and b"[y/N]" in told and b"nothing was done" in told
    assert expect(api.get(f"/v1/events/{event_id}"), 200)["status"] == "on_sale"
    code, _ = cancel_at_a_terminal(server, event_id, b"y\n")
    assert code == 0
    eventually(lambda: expect(api.get(f"/v1/events/{event_id}"), 200)["status"] == "cancelled", within=3)
