"""Admission for all processes together, on a real Redis: what it promises while it serves, and that nobody notices when it does not."""

import concurrent.futures
import socket
import threading
import time

import pytest
from harness.api import Api, new_key
from harness.problems import expect
from harness.server import SLACK, eventually
from peers import redis as redis_peer

LIMIT = 100


@pytest.fixture(scope="module")
def redis():
    with redis_peer.server() as running:
        yield running


@pytest.fixture
def clean(redis):
    """The shared Redis, empty, running, and as it was started."""
    if redis.process is None:
        redis.start()
    redis.command("FLUSHALL")
    yield redis
    if redis.process is None:
        redis.start()
    redis.resume()
    redis.command("CONFIG", "SET", "maxmemory", "0")
    redis.command("REPLICAOF", "NO", "ONE")


@pytest.fixture
def pair(services, clean):
    """Two APIs on one database, one broker and one Redis."""
    apis = [services.api(REDIS_ADDR=clean.address, RATE_LIMIT_USER=f"{LIMIT}/1m") for _ in range(2)]
    for api in apis:
        await_shared(api)
    return apis


def await_shared(server):
    """A busy machine may be too late for a ping's 20 ms several times."""
    eventually(lambda: server.ready()["admission"]["state"] == "up", within=15)


def await_alone(server):
    eventually(lambda: server.ready()["admission"]["state"] == "degraded", within=15)


def alone(servers):
    """How many requests were judged by what a process alone has seen, because Redis took longer than its 20 ms on a busy machine."""
    return sum(server.metric("tro_admission_judged_total", scope="process") for server in servers)


def test_limits_count_for_all_processes_together(pair):
    """Two hundred requests of one user through two APIs at once: exactly a hundred pass."""
    unknown = "/v1/holds/0190a6c8-0000-7000-8000-000000000001"
    for user in ("ada", "bob", "eve", "dan", "kim"):
        before = alone(pair)
        targets = [Api(server.port, user) for server in pair for _ in range(LIMIT)]
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            statuses = list(pool.map(lambda api: api.get(unknown).status, targets))
        by_process = alone(pair) - before
        assert LIMIT <= statuses.count(404) <= LIMIT + by_process and set(statuses) == {404, 429}, statuses
        if by_process == 0:
            break
        for server in pair:
            await_shared(server)
    else:
        pytest.fail("Redis never judged all of them in time")
    answer = Api(pair[0].port, user).get(unknown)
    assert answer.status == 429 and 1 <= int(answer.headers["retry-after"]) <= 60


def test_a_key_in_use_at_one_process_is_busy_at_the_other(pair, database):
    event_id = pair[0].api("ada").create_event()["event_id"]
    key = new_key()

    def hold(server):
        return Api(server.port, "ada").hold(event_id, ["A-1-1"], key=key)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        locked = pool.submit(database.query, "BEGIN; LOCK TABLE events IN EXCLUSIVE MODE; SELECT pg_sleep(2); COMMIT")
        time.sleep(0.5)
        first = pool.submit(hold, pair[0])
        time.sleep(0.5)
        second = hold(pair[1])
        assert second.status == 409 and second.json()["type"].endswith("idempotency-busy"), second
        assert int(second.headers["retry-after"]) >= 1
        assert first.result().status == 201
        locked.result()
    again = eventually(lambda: (answer := hold(pair[1])).status == 201 and answer, within=3)
    assert again.headers["idempotency-replayed"] == "true" and again.body == first.result().body


def test_a_repeat_right_after_the_answer_is_a_replay(pair):
    """The end of a key is with Redis before the next request of the same process is judged."""
    api = pair[0].api("ada")
    event_id = api.create_event()["event_id"]
    for number in range(1, 20):
        key = new_key()
        made = api.hold(event_id, [f"A-1-{number}"], key=key)
        again = api.hold(event_id, [f"A-1-{number}"], key=key)
        assert (made.status, again.status) == (201, 201) and made.body == again.body
        assert "idempotency-replayed" not in made.headers and again.headers["idempotency-replayed"] == "true"


def test_what_redis_keeps_has_an_end(pair, clean):
    api = pair[0].api("ada")
    event_id = api.create_event()["event_id"]
    expect(api.hold(event_id, ["A-1-1"]), 201)
    time.sleep(0.2)
    names = clean.command("KEYS", "*").split()
    assert names and all(int(clean.command("PTTL", name)) > 0 for name in names), names
    assert not any("ada" in name for name in names), "a user's name is in Redis"


class Load:
    """Buyers that hold and release at both APIs, one request after the other, for as long as the context lives."""

    def __init__(self, servers, event_id, buyers=8):
        self.servers, self.event_id, self.buyers = servers, event_id, buyers
        self.answers, self.over = [], threading.Event()  # (when it came, seconds it took, status, what)

    def buy(self, number):
        apis = [Api(server.port, f"buyer-{number}") for server in self.servers]
        turn = 0
        while not self.over.is_set():
            turn += 1
            api = apis[turn % 2]
            key = new_key()
            began = time.monotonic()
            made = api.hold(self.event_id, [f"A-{number + 1}-{turn % 20 + 1}"], key=key)
            self.answers.append((time.monotonic(), time.monotonic() - began, made.status, "hold"))
            if made.status != 201:
                continue
            began = time.monotonic()
            again = apis[(turn + 1) % 2].hold(self.event_id, [f"A-{number + 1}-{turn % 20 + 1}"], key=key)
            same = again.status == 409 or again.body == made.body
            self.answers.append((time.monotonic(), time.monotonic() - began, again.status if same else 999, "repeat"))
            api.release(made.json()["hold_id"])

    def __enter__(self):
        self.pool = concurrent.futures.ThreadPoolExecutor(self.buyers)
        self.tasks = [self.pool.submit(self.buy, number) for number in range(self.buyers)]
        return self

    def __exit__(self, *error):
        self.over.set()
        for task in self.tasks:
            task.result()
        self.pool.shutdown()

    def check(self):
        """No error, no hold made twice, and a repeat is a replay or, at worst for a moment, told that the first is at work."""
        wrong = [answer for answer in self.answers if answer[2] not in (201, 409)]
        assert len(self.answers) > 50 and not wrong, wrong[:5]


def troubles(redis):
    """What is done to Redis, and how it is undone."""
    def restart():
        redis.kill()
        redis.start()

    def load():
        """It comes back with so much on its disk that it answers -LOADING for some seconds."""
        settings, answers, is_over = redis.settings, [], threading.Event()

        def ask():
            while not is_over.wait(0.05):
                answers.append(redis.command("PING"))

        redis.command("EVAL", "for i = 1, 2000 do redis.call('SET', 'ballast:' .. i, i) end", "0")
        redis.command("SAVE")
        redis.kill()
        redis.settings = (*settings, "--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024")
        asker = threading.Thread(target=ask)
        asker.start()
        redis.start()  # by this thread, whose end the server does not outlive
        is_over.set()
        asker.join()
        redis.settings = settings
        (redis.folder / "dump.rdb").unlink()
        assert any("LOADING" in answer for answer in answers), answers

    return {
        "loading": (load, lambda: None),
        "flushed": (lambda: redis.command("FLUSHALL"), lambda: None),
        "killed": (redis.kill, redis.start),
        "restarted": (restart, lambda: None),
        "paused": (redis.pause, redis.resume),
        "out of memory": (lambda: redis.command("CONFIG", "SET", "maxmemory", "1"), lambda: redis.command("CONFIG", "SET", "maxmemory", "0")),
        "read only": (lambda: redis.command("REPLICAOF", "127.0.0.1", "1"), lambda: redis.command("REPLICAOF", "NO", "ONE")),
        "without scripts": (lambda: redis.command("SCRIPT", "FLUSH"), lambda: None),
    }


@pytest.mark.parametrize("trouble", ["flushed", "killed", "loading", "restarted", "paused", "out of memory", "read only", "without scripts"])
def test_nobody_notices_a_redis_in_trouble(services, clean, trouble):
    apis = [services.api(REDIS_ADDR=clean.address, RATE_LIMIT_USER="1000000/1m") for _ in range(2)]
    for api in apis:
        await_shared(api)
    event_id = apis[0].api("ada").create_event(rows=10, seats_per_row=20)["event_id"]
    begin, end = troubles(clean)[trouble]
    with Load(apis, event_id) as load:
        time.sleep(0.5)
        begin()
        began = time.monotonic()
        time.sleep(1.5)
        end()
        ended = time.monotonic()
        for api in apis:
            await_shared(api)
        back = time.monotonic() - ended
        time.sleep(0.5)
    load.check()
    assert back < 2 * SLACK, f"back after {back:.1f} s"
    in_trouble = sorted(took for came, took, _, _ in load.answers if began < came < ended)
    print(f"{trouble}: p50 {in_trouble[len(in_trouble) // 2] * 1000:.1f} ms, max {in_trouble[-1] * 1000:.1f} ms, back after {back:.2f} s")


def test_names_of_the_wrong_type_are_replaced(pair, clean):
    api = pair[0].api("ada")
    event_id = api.create_event()["event_id"]
    expect(api.hold(event_id, ["A-1-1"]), 201)
    for name in clean.command("KEYS", "*").split():
        clean.command("DEL", name)
        clean.command("LPUSH", name, "not ours")
    seats = (f"A-{row}-{seat}" for row in range(2, 6) for seat in range(1, 21))

    def is_replaced():
        """A request that Redis is too late for is admitted without it, and leaves what is there."""
        assert api.hold(event_id, [next(seats)]).status == 201
        return clean.command("TYPE", clean.command("KEYS", "*:u").split()[0]) == "zset"

    eventually(is_replaced, within=30, every=0.5)


def test_a_wrong_password_is_told_without_it_and_stops_nothing(services, clean):
    clean.command("CONFIG", "SET", "requirepass", "right-and-long")
    clean.password = "right-and-long"
    try:
        server = services.api(REDIS_ADDR=f"redis://:wrong-and-hidden@{clean.address}")
        await_alone(server)
        detail = server.ready()["admission"]["detail"]
        assert "WRONGPASS" in detail and "wrong-and-hidden" not in detail + server.stderr, detail
        event_id = server.api("ada").create_event()["event_id"]
        server.api("ada").held(event_id, "A-1-1")
        other = services.api(REDIS_ADDR=f"redis://:right-and-long@{clean.address}/1")
        await_shared(other)
    finally:
        clean.command("CONFIG", "SET", "requirepass", "")
        clean.password = None


def test_without_redis_readiness_says_that_each_process_counts_alone(services):
    server = services.api(LOG_LEVEL="info")
    assert server.ready()["admission"] == {"name": "admission", "state": "up", "latency_ms": None, "detail": "per-process"}
    eventually(lambda: sum("count per process" in entry["message"] for entry in server.log()) == 1, within=3)


def test_it_starts_while_redis_is_not_there(services, clean):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        server = services.api(REDIS_ADDR=f"127.0.0.1:{nobody.getsockname()[1]}")
        event_id = server.api("ada").create_event()["event_id"]
        server.api("ada").held(event_id, "A-1-1")
        await_alone(server)


def test_rediss_is_refused_with_one_clear_line(services):
    done = services.tro(program="tro-api", REDIS_ADDR="rediss://cache.example:6379")
    assert done.returncode == 1 and "REDIS_ADDR asks for TLS" in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.fixture
def cluster():
    with redis_peer.server(redis_peer.Cluster) as running:
        yield running


def test_a_cluster_loses_a_node_and_moves_slots_and_nobody_notices(services, cluster):
    apis = [services.api(REDIS_ADDR=cluster.address, RATE_LIMIT_USER="1000000/1m") for _ in range(2)]
    for api in apis:
        await_shared(api)
    event_id = apis[0].api("ada").create_event(rows=10, seats_per_row=20)["event_id"]
    source, target = cluster.nodes[0], cluster.nodes[1]
    names = {node: node.command("CLUSTER", "MYID") for node in (source, target)}
    with Load(apis, event_id) as load:
        time.sleep(0.5)
        for slot in range(0, 200):  # slots that move, some for good
            target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", names[source])
            source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", names[target])
            for key in source.command("CLUSTER", "GETKEYSINSLOT", slot, "100").split():
                source.command("MIGRATE", "127.0.0.1", target.port, key, "0", "1000")
            for node in (target, source):
                node.command("CLUSTER", "SETSLOT", slot, "NODE", names[target])
        cluster.nodes[2].kill()
        time.sleep(4)
        cluster.nodes[2].start()
        for api in apis:
            eventually(lambda api=api: api.ready()["admission"]["state"] == "up", within=15)
        time.sleep(0.5)
    load.check()
