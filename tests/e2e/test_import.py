"""`tro event import`: files that it takes, faults that it refuses with their places, and no event twice, however it ends."""

import concurrent.futures
import json
import os
import pty
import signal
import subprocess
import time
import uuid

import pytest

from harness import bad_events, paths
from harness.bad_events import body
from harness.machine import is_in_time
from harness.problems import expect, pointers
from harness.server import SLACK, environment, eventually, run_tro, spawn


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Where most tests import to; no server runs."""
    return new_store(tmp_path_factory.mktemp("import"))


@pytest.fixture
def empty(tmp_path):
    return new_store(tmp_path / "store")


class new_store:  # noqa: N801
    def __init__(self, folder):
        self.options = {"DATA_DIR": str(folder)}
        assert self.tro("migrate").returncode == 0

    def tro(self, *arguments):
        return run_tro(*arguments, **self.options)

    def events(self) -> dict[str, str]:
        """Names by id."""
        lines = self.tro("event", "list").stdout.splitlines()
        return {line.split("  ")[0]: line.split("  ")[-1] for line in lines}

    def verify(self):
        done = self.tro("verify")
        assert done.returncode == 0, done.stdout + done.stderr


def write(tmp_path, text: str | bytes, name: str = "events.jsonl"):
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def lines(*events: dict) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


def summary(done) -> str:
    return done.stderr.strip().splitlines()[-1]


def faults(done, path) -> list[str]:
    """LINE:COLUMN: the fault."""
    prefix = f"tro: {path}:"
    return [line.removeprefix(prefix) for line in done.stderr.splitlines() if line.startswith(prefix) and line[len(prefix)].isdigit()]


def unique(name: str) -> str:
    return f"{name} {uuid.uuid4()}"


# What it takes


@pytest.mark.parametrize(
    "form",
    [
        lambda events: lines(*events),
        lambda events: "\ufeff" + lines(*events),
        lambda events: "\n\n".join(json.dumps(event) + "  \r" for event in events),
        lambda events: json.dumps(events),
        lambda events: "\ufeff \n" + json.dumps(events, indent=4),
        lambda events: "\n".join(json.dumps(event, indent=1) for event in events),
        lambda events: "".join(json.dumps(event, indent=1).replace('"sections": [\n', '"sections": [\n\n') for event in events),
    ],
    ids=["lines", "byte order mark", "blank lines", "array", "indented array", "indented objects", "objects without a gap"],
)
def test_every_form_is_the_same_events(tmp_path, store, form):
    names = [unique("Event"), unique("Événement ✓")]
    path = write(tmp_path, form([body(name=name) for name in names]))
    done = store.tro("event", "import", path)
    assert done.returncode == 0, done.stderr
    assert [line.split("  ")[1:] for line in done.stdout.splitlines()] == [["imported", name] for name in names]
    assert summary(done) == "2 events with 12 seats imported, 0 there already, 0 refused"
    again = store.tro("event", "import", path)
    assert again.returncode == 0 and [line.split("  ")[0] for line in again.stdout.splitlines()] == [line.split("  ")[0] for line in done.stdout.splitlines()]
    assert summary(again) == "0 events with 0 seats imported, 2 there already, 0 refused"


def test_one_object_is_one_event(tmp_path, store):
    done = store.tro("event", "import", write(tmp_path, json.dumps(body(name=unique("One")), indent=2)))
    assert done.returncode == 0 and summary(done).startswith("1 event with 6 seats imported")


def test_standard_input_may_be_a_pipe(store):
    name = unique("Piped")
    done = subprocess.run([paths.BIN_DIR / "tro", "event", "import", "-"], input=lines(body(name=name)), env=environment(store.options),
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.rstrip().endswith(f"imported  {name}"), done.stderr


def test_imported_seats_can_be_bought(tmp_path, start_server):
    server = start_server()
    wanted = str(uuid.uuid4())
    path = write(tmp_path, lines(body(name="Imported", event_id=wanted, description="two\nlines")))
    done = server.tro("event", "import", path)
    assert done.returncode == 0 and done.stdout.startswith(wanted), done.stderr
    api = server.api()
    event = eventually(lambda: (answer := api.get(f"/v1/events/{wanted}")).status == 200 and answer.json(), within=3)
    assert (event["name"], event["description"], event["seat_count"]) == ("Imported", "two\nlines", 6)
    api.held(wanted, "A-1-1")
    assert summary(server.tro("event", "import", path)).startswith("0 events")
    assert api.seat_status(wanted, "A-1-1", "A-1-2") == ["held", "available"]


# The same event


def test_an_event_is_the_same_by_its_id(tmp_path, empty):
    wanted = str(uuid.uuid4())
    assert empty.tro("event", "import", write(tmp_path, lines(body(event_id=wanted)))).returncode == 0
    changed = empty.tro("event", "import", write(tmp_path, lines(body(event_id=wanted, name="Renamed"), body())))
    assert [line.split()[1] for line in changed.stdout.splitlines()] == ["there", "there"], changed.stdout
    assert list(empty.events().values()) == ["Faust"]
    another = empty.tro("event", "import", write(tmp_path, lines(body(event_id=str(uuid.uuid4())))))
    assert summary(another).startswith("1 event "), "another id is another event"
    empty.verify()


def test_without_an_id_it_is_the_same_by_name_venue_and_start(tmp_path, empty):
    created = empty.tro("event", "create", write(tmp_path, json.dumps(body())))
    assert created.returncode == 0
    done = empty.tro("event", "import", write(tmp_path, lines(
        body(starts_at="2027-06-01T21:30:00+02:00"), body(name="Faust II"), body(venue="Town"), body(starts_at="2027-06-01T19:30:00.001Z"))))
    assert [line.split("  ")[1].strip() for line in done.stdout.splitlines()] == ["there", "imported", "imported", "imported"], done.stderr
    assert done.stdout.startswith(created.stdout.strip())
    empty.verify()


def test_the_same_event_twice_in_a_file_is_a_fault(tmp_path, empty):
    wanted = str(uuid.uuid4())
    path = write(tmp_path, lines(body(), body(event_id=wanted), body(), body(event_id=wanted.upper(), name="x")))
    done = empty.tro("event", "import", path)
    assert done.returncode == 1 and empty.events() == {}
    assert faults(done, path) == ["3:1: the event of line 1 has the same name, venue and start", "4:1: the event of line 2 has the same event_id"]


def test_two_imports_at_once_make_nothing_twice(tmp_path, empty):
    events = [body(name=f"Event {number}", **({"event_id": str(uuid.uuid4())} if number % 2 else {})) for number in range(300)]
    path = write(tmp_path, lines(*events))
    backwards = write(tmp_path, lines(*reversed(events)), "backwards.jsonl")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda file: empty.tro("event", "import", file), [path, backwards, path]))
    assert [result.returncode for result in done] == [0] * 3, [result.stderr for result in done]
    assert sum(int(summary(result).split()[0]) for result in done) == 300
    assert sorted(empty.events().values()) == sorted(event["name"] for event in events)
    assert len({tuple(sorted(line.split("  ")[0] for line in result.stdout.splitlines())) for result in done}) == 1, "each tells the same ids"
    empty.verify()


@pytest.mark.parametrize("moment", [0.0, 0.05, 0.4])
def test_a_killed_import_is_completed_by_the_next(tmp_path, empty, moment):
    events = [body(name=f"Event {number}", **({"event_id": str(uuid.uuid4())} if number % 2 else {})) for number in range(1000)]
    path = write(tmp_path, lines(*events))
    process = spawn(tmp_path, "killed", "event", "import", str(path), **empty.options)
    eventually(lambda: (tmp_path / "killed.out").stat().st_size > 0 or process.poll() is not None, within=60)
    time.sleep(moment)
    process.send_signal(signal.SIGKILL)
    process.wait()
    made = len(empty.events())
    done = empty.tro("event", "import", path)
    assert done.returncode == 0 and summary(done).startswith(f"{1000 - made} event"), (made, done.stderr)
    assert sorted(empty.events().values()) == sorted(event["name"] for event in events)
    empty.verify()


# What is wrong


def test_the_same_bad_events_are_refused_at_both_doors(tmp_path, start_server):
    server = start_server()
    admin = server.api("admin", "tro:admin")
    for case, (content, expected) in bad_events.REFUSED.items():
        found = pointers(admin.post_event(content))
        assert sorted(found) == expected, f"{case}: {found}"
    texts = [json.dumps({**content, "venue": content["venue"][:150] + f" {number}" if len(content["venue"]) < 200 else content["venue"]})
             for number, (content, _) in enumerate(bad_events.REFUSED.values())]
    path = write(tmp_path, "\n".join(texts))
    done = server.tro("event", "import", path)
    found = {}
    for fault in faults(done, path):
        line, column, pointer, _ = fault.split(":", 3)
        found.setdefault(int(line), []).append(pointer.strip())
        assert 1 <= int(column) <= len(texts[int(line) - 1].encode())
    for number, (case, (_, expected)) in enumerate(bad_events.REFUSED.items(), 1):
        assert sorted(found.pop(number, [])) == expected, case
    assert found == {} and done.returncode == 1 and done.stdout == ""
    assert expect(admin.get("/v1/events"), 200)["data"] == [] and server.tro("event", "list").stdout == "", "nothing is half made"


def test_the_same_odd_events_are_accepted_at_both_doors(tmp_path, start_server):
    server = start_server()
    admin = server.api("admin", "tro:admin")
    posted = {case: expect(admin.post_event(content), 201) for case, content in bad_events.ACCEPTED.items()}
    moved = [{**content, "venue": content["venue"] + " again"} for content in bad_events.ACCEPTED.values()]
    done = server.tro("event", "import", write(tmp_path, lines(*moved)))
    assert done.returncode == 0, done.stderr
    for line, (case, content) in zip(done.stdout.splitlines(), bad_events.ACCEPTED.items(), strict=True):
        event_id = line.split("  ")[0]
        event = eventually(lambda event_id=event_id: (answer := admin.get(f"/v1/events/{event_id}")).status == 200 and answer.json(), within=5)
        same = {"name", "starts_at", "seat_count", "currency", "on_sale_until", "description"}
        assert {name: event[name] for name in same} == {name: posted[case][name] for name in same}, case
        assert event["name"] == content["name"] and event["venue"] == content["venue"] + " again"


@pytest.mark.parametrize(
    "text, expected",
    [
        ('{"name": "x",\n "venue": 7}', ["1:1: /starts_at: is required", "1:1: /currency: is required", "2:11: /venue: must be a string"]),
        ('{"name": "x"\n{"name": "y"}\n', ["1:13: a comma or a closing brace is missing", "2:1: /venue: is required"]),
        ('[{"a": 1},\n  7,\n {"a": tru}]', ["1:8: /a: unknown field", "2:3: must be an object", "3:8: a value is missing"]),
        ('[1 2]', ["1:2: must be an object", "1:4: a comma or a closing bracket is missing"]),
        ('[1,\n', ["1:2: must be an object", "2:1: the text ends inside the array"]),
        ('[]\n x', ["2:2: there is more behind the array"]),
        ('{"name": "x"\n,', ["2:2: a string is missing"]),
        ("nonsense\n\n7\n", ["1:1: a value is missing", "3:1: must be an object"]),
        (b'{"name": "\xff"}', ["1:11: the text is not UTF-8"]),
        ('{"name": "\\u0000"}', ["1:11: U+0000 is not accepted"]),
        (b'{"a":1}\n\x00\n', ["1:6: /a: unknown field", "2:1: a value is missing"]),
        ('{"event_id": "00000000-0000-0000-0000-000000000000", ' + json.dumps(body())[1:], ["1:14: /event_id: must not be the nil UUID"]),
        ('{"event_id": "concert", ' + json.dumps(body())[1:], ["1:14: /event_id: must be a UUID"]),
        (json.dumps({"event_id": None, **body()})[:-1] + ', "$where": 1}', None),
    ],
)
def test_mistakes_are_told_with_line_and_column(tmp_path, empty, text, expected):
    path = write(tmp_path, text)
    done = empty.tro("event", "import", path)
    found = faults(done, path)
    for fault in expected or ["1:"]:
        assert any(line.startswith(fault) for line in found), done.stderr
    assert done.returncode == 1 and done.stdout == "" and empty.events() == {}
    assert summary(done).startswith(f"tro: {path}: nothing is imported, for ")


def test_all_that_is_wrong_is_told(tmp_path, empty):
    seats = [{"seat": f"T{number}", "price": -1} for number in range(200)]
    path = write(tmp_path, lines(body(sections=..., seats=seats)))
    assert len(faults(empty.tro("event", "import", path), path)) == 200
    path = write(tmp_path, lines(*[body(sections=..., seats=seats)] * 6))
    done = empty.tro("event", "import", path)
    assert len(faults(done, path)) == 1000 and f"tro: {path}: no more is told" in done.stderr
    assert summary(done).endswith("6 of 6 events are wrong")


def test_a_terminal_is_not_obeyed(tmp_path, empty):
    path = write(tmp_path, lines(body(**{"\x1b]0;title\x07": 1})))
    done = empty.tro("event", "import", path)
    assert done.returncode == 1 and "\x1b" not in done.stderr and "/?]0;title?: unknown field" in done.stderr


def test_partial_imports_the_rest(tmp_path, empty):
    path = write(tmp_path, lines(body(name="Good"), body(name=""), body(name="Better")))
    done = empty.tro("event", "import", "--partial", path)
    assert done.returncode == 1 and sorted(empty.events().values()) == ["Better", "Good"]
    assert len(faults(done, path)) == 1 and summary(done) == "2 events with 12 seats imported, 0 there already, 1 refused"
    empty.verify()


def test_a_dry_run_writes_nothing(tmp_path, empty):
    before = write(tmp_path, lines(body(name="Before")))
    assert empty.tro("event", "import", before).returncode == 0
    path = write(tmp_path, lines(body(name="Before"), body(name="After"), body(name="Later", event_id=str(uuid.uuid4()))))
    done = empty.tro("event", "import", "--dry-run", path)
    assert done.returncode == 0 and done.stdout == ""
    assert summary(done) == "2 events with 12 seats would be imported, 1 there already, 0 refused"
    assert list(empty.events().values()) == ["Before"]


@pytest.mark.parametrize(
    "arguments, code, word",
    [
        (["missing.jsonl"], 1, "missing.jsonl cannot be read: No such file or directory"),
        (["."], 1, ". cannot be read: Is a directory"),
        (["empty.jsonl"], 1, "empty.jsonl has no events"),
        (["list.json"], 1, "list.json has no events"),
        (["good.jsonl", "--seats", "missing.csv"], 1, "missing.csv cannot be read"),
        ([], 2, "a file is required"),
        (["good.jsonl", "more.jsonl"], 2, "'more.jsonl' is not understood"),
        (["good.jsonl", "--seats"], 2, "--seats needs a value"),
        (["good.jsonl", "--partial=yes"], 2, "--partial takes no value"),
    ],
)
def test_one_line_says_why_an_import_cannot_be_done(tmp_path, empty, monkeypatch, arguments, code, word):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "\n \n", "empty.jsonl")
    write(tmp_path, " [ ]\n", "list.json")
    write(tmp_path, lines(body()), "good.jsonl")
    done = empty.tro("event", "import", *arguments)
    assert done.returncode == code and word in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def test_it_makes_no_store(tmp_path):
    path = write(tmp_path, lines(body()))
    done = run_tro("event", "import", path, DATA_DIR=str(tmp_path / "none"))
    assert done.returncode == 1 and "there is no store at" in done.stderr and not (tmp_path / "none").exists()


def test_progress_is_one_line_on_a_terminal(tmp_path, empty):
    """A pseudo-terminal for stderr: only the last message of the progress line stays."""
    path = write(tmp_path, lines(*[body(name=f"Event {number}") for number in range(2000)]))
    controller, terminal = pty.openpty()
    process = subprocess.Popen([paths.BIN_DIR / "tro", "event", "import", path], env=environment(empty.options),
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=terminal)
    os.close(terminal)
    shown = b""
    while True:
        try:
            piece = os.read(controller, 65536)
        except OSError:  # nobody has the other end any more
            break
        if not piece:
            break
        shown += piece
    os.close(controller)
    assert process.wait() == 0
    last = shown.decode().split("\x1b[K")[-1].strip()
    assert last == "2000 events with 12000 seats imported, 0 there already, 0 refused"


# Seats in a file of their own


HEAD = "seat,section,row,price\n"


def with_seats(tmp_path, store, csv: str | bytes, event: dict | None = None):
    path = write(tmp_path, csv, "seats.csv")
    one = write(tmp_path, json.dumps(event or body(sections=...)), "event.json")
    return path, store.tro("event", "import", one, "--seats", path)


def test_seats_come_from_a_file(tmp_path, start_server):
    server = start_server()
    csv = '\ufeffseat,section,row,price\r\n"A ""best"", 1",Stalls,1,1500\r\n\r\nLöwe,,,0\r\n"B,2","",2,"7"'
    _, done = with_seats(tmp_path, server, csv)
    assert done.returncode == 0, done.stderr
    event_id = done.stdout.split("  ")[0]
    api = server.api()
    eventually(lambda: api.get(f"/v1/events/{event_id}/seats").status == 200, within=5)
    assert {label: (seat["section"], seat["row"], seat["price"]) for label, seat in api.seats(event_id).items()} == {
        'A "best", 1': ("Stalls", "1", 1500), "Löwe": (None, None, 0), "B,2": (None, "2", 7)}


WRONG_HEAD = "1:1: the first line must be seat,section,row,price, with commas between the names"


@pytest.mark.parametrize(
    "csv, expected",
    [
        ("", [WRONG_HEAD]),
        ("seat,price\nA,1\n", [WRONG_HEAD]),
        ("seat;section;row;price\nA;;;1\nB;;;1\n", [WRONG_HEAD]),
        ("Seat,section,row,price\nA,,,1\n", [WRONG_HEAD]),
        (HEAD + "A,,,1\nB,,1\nC,,,1,2\n", ["3:1: a line must have four fields", "4:1: a line must have four fields"]),
        (HEAD + 'A,"x,,1\nB', ["2:3: the text ends inside a quoted field"]),
        (HEAD + 'A,"x"y,,1\nB"C,,,1\n', ["2:6: a comma or the end of the line must follow the closing quote", "3:2: a field with a quote must be quoted"]),
        (HEAD.encode() + b"A\xff,,,1\nB,,\x00,1\n", ["2:1: the text is not UTF-8", "3:4: U+0000 is not accepted"]),
    ],
)
def test_mistakes_in_the_csv_are_told(tmp_path, empty, csv, expected):
    path, done = with_seats(tmp_path, empty, csv)
    found = faults(done, path)
    assert len(found) == len(expected) and all(line.startswith(start) for line, start in zip(found, expected, strict=True)), done.stderr
    assert done.returncode == 1 and summary(done) == f"tro: {path}: nothing is imported" and empty.events() == {}


def test_mistakes_in_the_seats_are_told_by_the_rules_of_events(tmp_path, empty):
    csv = HEAD + 'A,S,1,100\n"B\nC",S,1,100\nD,S,1,-1\nE,S,1,12.50\nF,S,1,\nA,S,2,100\n,S,1,1\n' + "G" * 64 + ",S,1,1\nH,S,1,1e3\nI,S,1,1000000000001\n"
    path, done = with_seats(tmp_path, empty, csv)
    found = {tuple(line.split(": ")[:2]) for line in faults(done, path)}
    assert found == {("3:1", "/seats/1/seat"), ("5:7", "/seats/2/price"), ("6:7", "/seats/3/price"), ("7:7", "/seats/4/price"),
                     ("9:1", "/seats/6/seat"), ("10:1", "/seats/7/seat"), ("11:7", "/seats/8/price"), ("12:7", "/seats/9/price")}
    path, done = with_seats(tmp_path, empty, HEAD + "A,S,1,100\nB,S,1,1\nA,S,2,100\n")
    assert faults(done, path) == ["4:1: /seats/2/seat: repeats an earlier one"]
    path, done = with_seats(tmp_path, empty, HEAD)
    assert done.returncode == 1 and "/seats: must have from 1 to 1000000 items" in done.stderr
    assert empty.events() == {}


def test_with_a_file_of_seats_there_is_one_event_that_lists_none(tmp_path, empty):
    csv = HEAD + "A,,,1\n"
    for event, name, value in ((body(), "sections", "[{"), (body(sections=..., seats=None), "seats", "null")):
        _, done = with_seats(tmp_path, empty, csv, event)
        column = json.dumps(event).index(value) + 1
        assert done.returncode == 1 and f":1:{column}: /{name}: must not be there" in done.stderr, done.stderr
    many = write(tmp_path, lines(body(sections=...), body(sections=..., name="Second")))
    done = empty.tro("event", "import", many, "--seats", tmp_path / "seats.csv")
    assert done.returncode == 1 and faults(done, many) == ["2:1: with --seats there must be one event"] and empty.events() == {}


def test_a_hundred_thousand_seats_are_in_within_ten_seconds(tmp_path, empty):
    """The best of three: the machine has other things to do. A sanitized program may take as much longer as its checks do."""
    csv = HEAD + "".join(f"A-{number // 100}-{number % 100},A,{number // 100},1500\n" for number in range(100_000))
    taken = []
    for attempt in range(3):
        begun = time.monotonic()
        _, done = with_seats(tmp_path, empty, csv, body(sections=..., name=f"Arena {attempt}"))
        taken.append(time.monotonic() - begun)
        assert done.returncode == 0 and summary(done).startswith("1 event with 100000 seats imported"), done.stderr
        if is_in_time(taken[-1], 10 * SLACK):
            return
    raise AssertionError(taken)
