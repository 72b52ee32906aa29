"""Admission for all processes together, on a real Redis: its promises while it serves, and sales that go on while it does not."""

import concurrent.futures
import socket
import threading
import time

import pytest
from harness import service_requests
from harness.api import Api, new_key
from harness.machine import is_in_time
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
    """The number of requests judged by one process's counts alone, because Redis took longer than its 20 ms on a busy machine."""
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


def test_every_request_of_a_service_counts_for_it_but_not_one_that_its_user_is_refused(services, clean):
    server = services.api(REDIS_ADDR=clean.address, RATE_LIMIT_USER="2/1h", RATE_LIMIT_SERVICE="4/1h", RATE_LIMIT_IP="off")
    await_shared(server)
    shop = Api(server.port, "shop", "tro:service")
    hold = f"/v1/holds/{service_requests.MISSING}"
    assert [shop.get(f"{hold}?user_id=ada").status for _ in range(5)] == [404, 404, 429, 429, 429]
    assert [shop.get(hold).status for _ in range(3)] == [404, 404, 429]
    assert service_requests.limited(shop, service_requests.ALL) == list(service_requests.ALL)
    assert Api(server.port, "eve").get(hold).status == 404


def test_a_key_in_use_at_one_process_is_busy_at_the_other(pair, database):
    event_id = pair[0].api("ada").create_event()["event_id"]
    key = new_key()

    def hold(server):
        return Api(server.port, "ada").hold(event_id, ["A-1-1"], key=key)

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with database.locked("events", "EXCLUSIVE"):
            first = pool.submit(hold, pair[0])
            database.await_waiting("events")
            second = hold(pair[1])
        assert second.status == 409 and second.json()["type"].endswith("idempotency-busy"), second
        assert int(second.headers["retry-after"]) >= 1
        assert first.result().status == 201
    again = eventually(lambda: (answer := hold(pair[1])).status == 201 and answer, within=3)
    assert again.headers["idempotency-replayed"] == "true" and again.body == first.result().body


def test_a_key_whose_end_redis_did_not_take_is_ended_when_it_is_back(pair, database, clean):
    """Redis hangs when the answer is given. The API that gave it is asked nothing more; the repeat comes to the other one."""
    event_id = pair[0].api("ada").create_event()["event_id"]
    key = new_key()

    def hold(server):
        return Api(server.port, "ada").hold(event_id, ["A-1-1"], key=key)

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with database.locked("events", "EXCLUSIVE"):
            first = pool.submit(hold, pair[0])
            database.await_waiting("events")
            clean.pause()
        made = first.result()
    clean.resume()
    expect(made, 201)
    for server in pair:
        await_shared(server)
    again = eventually(lambda: (answer := hold(pair[1])).status == 201 and answer, within=15)
    assert again.headers["idempotency-replayed"] == "true" and again.body == made.body


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


def test_everything_in_redis_expires(pair, clean):
    api = pair[0].api("ada")
    event_id = api.create_event()["event_id"]
    seats = (f"A-{row}-{number}" for row in range(1, 6) for number in range(1, 21))

    def is_judged():  # by Redis, which a busy machine may make too late for a request
        expect(api.hold(event_id, [next(seats)]), 201)
        return clean.command("KEYS", "*").split()

    names = eventually(is_judged, within=10, every=0.2)
    assert all(int(clean.command("PTTL", name)) != -1 for name in names), names  # -2: it is gone by now
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

    def await_answers(self, count):
        """So many, and some of them from now on."""
        count = max(count, len(self.answers) + self.buyers)
        eventually(lambda: len(self.answers) >= count, within=60)

    def check(self):
        """No error, no hold made twice, and a repeat is a replay or, at worst for a moment, told that the first is at work."""
        wrong = [answer for answer in self.answers if answer[2] not in (201, 409)]
        assert not wrong, wrong[:5]


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
        load.await_answers(50)
    load.check()
    assert is_in_time(back, 2 * SLACK, watched=60), f"back after {back:.1f} s"
    in_trouble = sorted(took for came, took, _, _ in load.answers if began < came < ended) or [0.0]
    print(f"{trouble}: p50 {in_trouble[len(in_trouble) // 2] * 1000:.1f} ms, max {in_trouble[-1] * 1000:.1f} ms, back after {back:.2f} s")


def test_one_process_lets_no_more_than_the_limit_pass_whoever_judges(services, clean):
    """Redis stops in the middle of a user's window, and comes back in the middle of another's."""
    server = services.api(REDIS_ADDR=clean.address, RATE_LIMIT_USER=f"{LIMIT}/10m")
    await_shared(server)

    def passed(user, count):
        statuses = [Api(server.port, user).get("/v1/holds/0190a6c8-0000-7000-8000-000000000001").status for _ in range(count)]
        assert set(statuses) <= {404, 429}, statuses
        return statuses.count(404)

    assert passed("ada", 60) == 60 and passed("eve", LIMIT + 10) == LIMIT
    by_redis = server.metric("tro_admission_judged_total", scope="shared")
    clean.pause()
    assert passed("ada", LIMIT) == LIMIT - 60 and passed("eve", 20) == 0 and passed("bob", LIMIT - 1) == LIMIT - 1
    clean.resume()
    await_shared(server)
    assert passed("bob", 20) == 1 and passed("ada", 20) == 0
    assert by_redis > 0 and server.metric("tro_admission_judged_total", scope="process") >= 2 * LIMIT


def refusals(redis):
    """What makes Redis answer pings and refuse to judge: how it begins, how it ends, and the word for it."""
    def fail_to_save():
        (redis.folder / "dump.rdb").mkdir()
        redis.command("CONFIG", "SET", "save", "900 1")
        redis.command("BGSAVE")
        eventually(lambda: "rdb_last_bgsave_status:err" in redis.command("INFO", "persistence"), within=15)

    def save():
        (redis.folder / "dump.rdb").rmdir()
        redis.command("CONFIG", "SET", "save", "")

    return {
        "out of memory": (lambda: redis.command("CONFIG", "SET", "maxmemory", "1"), lambda: redis.command("CONFIG", "SET", "maxmemory", "0"), "OOM"),
        "read only": (lambda: redis.command("REPLICAOF", "127.0.0.1", "1"), lambda: redis.command("REPLICAOF", "NO", "ONE"), "READONLY"),
        "without scripts": (lambda: redis.command("ACL", "SETUSER", "default", "-evalsha", "-eval"),
                            lambda: redis.command("ACL", "SETUSER", "default", "+@all"), "NOPERM"),
        "not saved": (fail_to_save, save, "MISCONF"),
    }


@pytest.mark.parametrize("refusal", ["out of memory", "read only", "without scripts", "not saved"])
def test_a_redis_that_only_answers_pings_does_not_serve(services, clean, refusal):
    """From the first request that it does not judge until it judges again, however often somebody looks."""
    apis = [services.api(REDIS_ADDR=clean.address, RATE_LIMIT_USER="100000/1m") for _ in range(2)]
    for number, api in enumerate(apis):
        await_shared(api)
        api.api(f"user-{number}").get("/v1/holds/0190a6c8-0000-7000-8000-000000000001")
    begin, end, word = refusals(clean)[refusal]
    begin()
    try:
        for api in apis:
            eventually(lambda api=api: word in api.ready()["admission"].get("detail", ""), within=15)
        for number in range(30):
            for api in apis:
                api.api(f"buyer-{number}").get("/v1/holds/0190a6c8-0000-7000-8000-000000000001")
                ready = api.ready()
                assert ready["status"] == ready["admission"]["state"] == "degraded" and ready["admission"]["circuit"] == "open", ready
                assert ready["admission"]["detail"].startswith("per-process: "), ready
                assert api.metric("tro_dependency_up", dependency="admission") == 0
            time.sleep(0.1)
    finally:
        end()
    for api in apis:
        await_shared(api)
        eventually(lambda api=api: api.metric("tro_dependency_up", dependency="admission") == 1, within=15)
        before = api.metric("tro_admission_judged_total", scope="shared")

        def is_judged(api=api, before=before):
            api.api("ada").get("/v1/holds/0190a6c8-0000-7000-8000-000000000001")
            return api.metric("tro_admission_judged_total", scope="shared") > before

        eventually(is_judged, within=15)


def test_names_of_the_wrong_type_are_replaced(pair, clean):
    api = pair[0].api("ada")
    event_id = api.create_event(rows=10, seats_per_row=20)["event_id"]
    expect(api.hold(event_id, ["A-1-1"]), 201)
    for name in clean.command("KEYS", "*").split():
        clean.command("DEL", name)
        clean.command("LPUSH", name, "not ours")
    seats = (f"A-{row}-{seat}" for row in range(2, 11) for seat in range(1, 21))

    def is_replaced():
        """A request that Redis answers too late is admitted without it, and changes nothing there."""
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


@pytest.mark.parametrize("setting", ["REDIS_CA_FILE", "REDIS_CERT_FILE", "REDIS_KEY_FILE"])
def test_files_of_tls_are_refused_beside_an_address_without_it(services, setting):
    done = services.tro(program="tro-api", REDIS_ADDR="redis://cache.example:6379", **{setting: "/etc/tro/tls/redis.pem"})
    assert done.returncode == 1 and "REDIS_ADDR must begin with rediss://" in done.stderr and len(done.stderr.splitlines()) == 1


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
        load.await_answers(50)
    load.check()


def test_a_slot_may_stand_half_moved(services, cluster):
    """The keys of the slot that are not at its old node any more are asked for at the new one, those of finished requests too.
    A request with a limit has two keys, and is judged by its process: of those only one may be at the new node (TRYAGAIN)."""
    api = services.api(REDIS_ADDR=cluster.address, RATE_LIMIT_USER="off")
    await_shared(api)
    ada = api.api("ada")
    event_id = services.api().api("eve").create_event(rows=4, seats_per_row=20)["event_id"]
    ada.held(event_id, "A-1-1")
    source, key = next((node, keys.split()[0]) for node in cluster.nodes if (keys := node.command("KEYS", "*")).strip())
    target = next(node for node in cluster.nodes if node is not source)
    slot = source.command("CLUSTER", "KEYSLOT", key).strip()
    target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", source.command("CLUSTER", "MYID").strip())
    source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", target.command("CLUSTER", "MYID").strip())
    for key in source.command("CLUSTER", "GETKEYSINSLOT", slot, "100").split():
        source.command("MIGRATE", "127.0.0.1", target.port, key, "0", "1000")
    before, asked = alone([api]), 40
    for number in range(asked):
        ada.held(event_id, f"A-{2 + number // 20}-{1 + number % 20}")
    assert alone([api]) - before < asked / 4
    assert api.ready()["admission"]["state"] == "up"
