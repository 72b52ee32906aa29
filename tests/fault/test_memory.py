"""An allocation that fails, the first, the second and so on, through a whole purchase: a refused client waits and repeats, and nothing is lost.

Those of the program itself, and, in a purchase, of its libraries, too. TRO_MEMORY_STARTS says how many starts are tried, each with another that fails; 0, as in
`make nightly`, is all of them, and each allocation of a library."""

import json
import mmap
import os
import random
import struct
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from harness import credentials, paths, wire
from harness.api import new_key
from harness.database import Database
from harness.server import Server, run_tro
from peers import postgres

STARTS = int(os.environ.get("TRO_MEMORY_STARTS", "12"))
FAILS_MAX = 20000  # far more than a purchase asks for
SEATS = [f"A-{row}-{number}" for row in range(1, 101) for number in range(1, 101)]
SIGNING_KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC_KEY = SIGNING_KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
EVENT = {"name": "The Magic Flute", "venue": "Old Opera", "starts_at": "2031-01-01T19:30:00Z", "currency": "EUR"}

pytestmark = pytest.mark.skipif(paths.TRO.exists() and paths.is_sanitized(), reason="sanitizers have allocators of their own")


class Memory:
    """What the library under a process is told, and says."""

    def __init__(self, folder):
        self.path = folder / "memory"
        self.path.write_bytes(bytes(16))
        self.file = open(self.path, "r+b")
        self.words = mmap.mmap(self.file.fileno(), 16)

    def options(self, whose: str = "program") -> dict[str, str]:
        library = str(paths.BIN_DIR.resolve() / "libtro-failing-memory.so")
        return {"LD_PRELOAD": library, "TRO_FAILING_MEMORY": str(self.path), "TRO_FAILING_MEMORY_OF": whose}

    def fail_after(self, count: int) -> None:
        self.words[:8] = struct.pack("=Q", count)

    @property
    def has_failed(self) -> bool:
        return struct.unpack("=Q", self.words[:8])[0] == 0

    @property
    def count(self) -> int:
        return struct.unpack("=Q", self.words[8:])[0]


class Buyer:
    """Asks again, as often as it has to, with the same key."""

    def __init__(self, server):
        self.server, self.refusals = server, 0

    def token(self, user, scope) -> str:
        """Never the same twice, or the server would remember it: signed by the two ways that it has to verify one."""
        claims = {"jti": new_key(), **({} if scope is None else {"scope": scope})}
        if random.random() < 0.5:
            return credentials.token(user, **claims)
        return jwt.encode({"sub": user, "exp": int(time.time()) + 3600, **claims}, SIGNING_KEY, "ES256")

    def ask(self, method, target, expected, content=None, user="ada", scope=None, key=None, sign=False):
        body = None if content is None else json.dumps(content).encode()
        fields = {} if sign else {"Authorization": f"Bearer {self.token(user, scope)}"}
        if body is not None:
            fields["Content-Type"] = "application/json"
        if sign:
            fields["TRO-Signature"] = credentials.callback_signature(body, None, credentials.PAYMENT_SECRET)
        if key is not None:
            fields["Idempotency-Key"] = key
        deadline = time.monotonic() + 60
        while True:
            assert self.server.process.poll() is None, f"the server ended with {self.server.process.returncode}: {self.server.stderr[-2000:]}"
            try:
                answer = wire.exchange(self.server.port, method, target, list(fields.items()), body, timeout=20.0)
            except (OSError, wire.Closed):
                answer = None
            if answer is not None and answer.status == expected:
                return json.loads(answer.body) if answer.body else None
            is_in_use = answer is not None and answer.status == 409 and b"idempotency" in answer.body
            assert answer is None or answer.status == 503 or is_in_use, (method, target, answer.status, [(line.get("error"), line.get("reason"), line["message"]) for line in self.server.log() if line["level"] == "error"])
            self.refusals += 1
            assert time.monotonic() < deadline, f"{method} {target} is refused for ever"
            time.sleep(0.02)

    def purchase(self, event_id, seat):
        key, order_key = new_key(), new_key()
        hold = self.ask("POST", "/v1/holds", 201, {"event_id": event_id, "seats": [seat]}, key=key)
        order = self.ask("POST", "/v1/orders", 202, {"hold_id": hold["hold_id"], "payment_method": "card"}, key=order_key)
        paid = {"order_id": order["order_id"], "status": "SUCCEEDED", "transaction_id": f"tx-{key}"}
        assert self.ask("POST", "/v1/payments/callback", 200, paid, sign=True)["status"] == "CONFIRMED"
        assert self.ask("GET", f"/v1/orders/{order['order_id']}", 200)["status"] == "CONFIRMED"
        self.ask("GET", f"/v1/orders/{order['order_id']}/history", 200)
        self.ask("GET", f"/v1/events/{event_id}", 200)
        self.ask("GET", f"/v1/events/{event_id}/seats?limit=10", 200)

    def sale(self, rows):
        content = {**EVENT, "sections": [{"name": "A", "price": 2500, "rows": rows, "seats_per_row": 100}]}
        return self.ask("POST", "/v1/events", 201, content, user="admin", scope="tro:admin", key=new_key())["event_id"]


@pytest.fixture
def database(request):
    """A database that is ready, when the test asks for one of PostgreSQL."""
    if request.param != "postgres":
        yield None
        return
    with postgres.server() as running:
        made = Database(running.dsn)
        assert run_tro("migrate", CRDB_DSN=made.uri).returncode == 0
        yield made
        made.drop()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("whose, database", [("program", "sqlite"), ("all", "sqlite"), ("all", "postgres")], indirect=["database"])
def test_a_purchase_goes_through_whatever_fails(database, start_server, tmp_path, whose):
    memory = Memory(tmp_path)
    stored = {} if database is None else {"CRDB_DSN": database.uri}
    server = start_server(JWT_PUBLIC_KEY=PUBLIC_KEY, **stored, **memory.options(whose))
    buyer = Buyer(server)
    event_id = buyer.sale(100)
    buyer.purchase(event_id, SEATS[-1])
    begun = memory.count
    buyer.purchase(event_id, SEATS[-2])
    counted = memory.count - begun
    step = 3 if whose == "all" and STARTS > 0 else 1  # a library allocates ten times as often
    tried = failed = 0
    for count in range(1, FAILS_MAX, step):
        memory.fail_after(count)
        tried += 1
        buyer.purchase(event_id, SEATS[tried])
        failed += memory.has_failed
        if tried % 5 == 0:
            buyer.sale(1)
        if not memory.has_failed and count > 2 * counted:
            break
    memory.fail_after(0)
    print(f"{counted} allocations in a purchase; {failed} of {tried} purchases met one that failed, {buyer.refusals} requests were refused and repeated")
    assert failed >= counted // 2 // step


@pytest.mark.timeout(3600)
def test_a_start_fails_in_order(tmp_path):
    """Each allocation of a start: it goes on without, or ends with a word and an exit code."""
    memory = Memory(tmp_path)
    server = Server(tmp_path / "whole", **memory.options()).start()
    counted = memory.count
    server.stop()
    for count in range(1, counted, max(1, counted // STARTS) if STARTS > 0 else 1):
        memory.fail_after(count)
        server = Server(tmp_path / str(count), **memory.options()).spawn()
        deadline = time.monotonic() + 60
        while server.process.poll() is None and not server.is_ready():
            assert time.monotonic() < deadline, server.stderr[-2000:]
            time.sleep(0.01)
        code = server.process.poll()
        memory.fail_after(0)
        if code is None:
            server.stop()
        else:
            assert code == 1 and server.stderr.strip() != "", (count, code, server.stderr[-2000:])
