"""Buyers under way while things go wrong: processes that buy, keep a journal of everything they asked and were told, and a ledger
that says from the journals what must be true afterwards."""

import dataclasses
import json
import multiprocessing
import random
import time
import uuid

from harness import credentials, wire
from harness.api import Api, new_key
from harness.waiting import eventually
from harness.wire import Closed, Connection, request_bytes

FORK = multiprocessing.get_context("fork")


@dataclasses.dataclass
class Request:
    """Something asked for, with all that is needed to ask it again: the key, or the transaction."""

    kind: str  # hold, release, order, cancel, pay
    user: str
    method: str
    target: str
    key: str | None = None
    content: dict | None = None
    subject: str | None = None  # the hold or order that it changes

    def bytes(self, token: str) -> bytes:
        body = None if self.content is None else json.dumps(self.content).encode()
        fields = []
        if self.kind == "pay":
            fields.append(("TRO-Signature", credentials.callback_signature(body)))
        else:
            fields.append(("Authorization", f"Bearer {token}"))
        if self.key is not None:
            fields.append(("Idempotency-Key", self.key))
        if body is not None:
            fields.append(("Content-Type", "application/json"))
        return request_bytes(self.method, self.target, fields, body)


@dataclasses.dataclass
class Entry:
    """The result of a request. Without an answer, `partial` has the beginning of one."""

    request: Request
    sent_at: float | None = None  # time.monotonic() once the request was with the kernel
    is_first: bool = False  # of its connection
    answer: wire.Response | None = None
    partial: bytes = b""


class Buyer:
    """One user: holds, orders, pays, cancels and releases at random, one request after the other, until the server goes."""

    def __init__(self, port: int, user: str, event_id: str, seats: list[str], seed: int, keep_alive: float = 1.0):
        self.port, self.user, self.event_id, self.seats = port, user, event_id, seats
        self.source = random.Random(seed)
        self.keep_alive = keep_alive  # the share of requests that go on the connection of the one before
        self.token = credentials.token(user)
        self.connection: Connection | None = None
        self.journal: list[Entry] = []
        self.holds: list[str] = []
        self.orders: list[str] = []

    def run(self, is_over, answers) -> None:
        while not is_over():
            if not self.step():
                return
            with answers.get_lock():
                answers.value += 1

    def step(self) -> bool:
        """One request and its answer; False when the server is gone."""
        entry = Entry(self.choose())
        if self.connection is not None and self.source.random() >= self.keep_alive:
            self.disconnect()
        try:
            if self.connection is None:
                entry.is_first = True
                self.connection = Connection(self.port)
        except OSError:
            return False  # nothing was asked
        self.journal.append(entry)
        try:
            self.connection.send(entry.request.bytes(self.token))
            entry.sent_at = time.monotonic()
            entry.answer = self.connection.receive(entry.request.method)
        except Closed as closed:
            entry.partial = closed.partial
            return False
        except OSError:
            return False
        if "close" in entry.answer.headers.tokens("Connection"):
            self.disconnect()
        self.note(entry)
        return True

    def disconnect(self) -> None:
        self.connection.close()
        self.connection = None

    def choose(self) -> Request:
        dice = self.source.random()
        if self.orders and dice < 0.35:
            order_id = self.orders.pop(self.source.randrange(len(self.orders)))
            if dice < 0.05:
                return Request("cancel", self.user, "POST", f"/v1/orders/{order_id}/cancel", new_key(), subject=order_id)
            content = {"order_id": order_id, "status": "FAILED" if dice < 0.1 else "SUCCEEDED", "transaction_id": str(uuid.uuid4())}
            return Request("pay", self.user, "POST", "/v1/payments/callback", content=content, subject=order_id)
        if self.holds and dice < 0.65:
            hold_id = self.holds.pop(self.source.randrange(len(self.holds)))
            if dice < 0.45:
                return Request("release", self.user, "DELETE", f"/v1/holds/{hold_id}", subject=hold_id)
            return Request(
                "order", self.user, "POST", "/v1/orders", new_key(), {"hold_id": hold_id, "payment_method": "card"}, subject=hold_id
            )
        seats = self.source.sample(self.seats, self.source.randrange(1, 5))
        return Request("hold", self.user, "POST", "/v1/holds", new_key(), {"event_id": self.event_id, "seats": seats})

    def note(self, entry: Entry) -> None:
        if entry.request.kind == "hold" and entry.answer.status == 201:
            self.holds.append(entry.answer.json()["hold_id"])
        if entry.request.kind == "order" and entry.answer.status == 202:
            self.orders.append(entry.answer.json()["order_id"])


class Load:
    """Several buyers, each a process, competing for the seats of one event."""

    def __init__(self, port: int, event_id: str, seats: list[str], seed: int, buyers: int = 3, keep_alive: float = 1.0):
        self.over = FORK.Event()
        self.answers = FORK.Value("i", 0)
        self.pipes, self.processes = [], []
        for number in range(buyers):
            buyer = Buyer(port, f"buyer-{number}", event_id, seats, seed * 1000 + number, keep_alive)
            ours, theirs = FORK.Pipe(duplex=False)
            process = FORK.Process(target=self._run, args=(buyer, theirs), daemon=True)
            process.start()
            theirs.close()
            self.pipes.append(ours)
            self.processes.append(process)

    def _run(self, buyer: Buyer, pipe) -> None:
        buyer.run(self.over.is_set, self.answers)
        pipe.send(buyer.journal)

    def await_answers(self, count: int) -> None:
        """Returns when the buyers have been told at least `count` things, however slow the machine is."""
        eventually(lambda: self.answers.value >= count, within=60)

    def journals(self) -> list[list[Entry]]:
        """Ends the buyers and gathers their journals."""
        self.over.set()
        journals = []
        for pipe in self.pipes:
            assert pipe.poll(30), "a buyer does not end"
            journals.append(pipe.recv())
        for process in self.processes:
            process.join(30)
        return journals


EXPECTED = {"hold": 201, "release": 204, "order": 202, "cancel": 200, "pay": 200}
SEAT_OF = {"ACTIVE": "held", "PENDING": "reserved", "CONFIRMED": "sold"}


class Ledger:
    """What the answers promised, by hold and order."""

    def __init__(self):
        self.holds: dict[str, dict] = {}
        self.orders: dict[str, dict] = {}

    def enter(self, request: Request, answer: wire.Response) -> None:
        """Takes an answer at its word. Buyers touch their own things only, so each answer is known but for seats that others took."""
        if request.kind == "hold" and answer.status == 409:
            assert set(answer.json()["seats"]) <= set(request.content["seats"]), answer
            return
        assert answer.status == EXPECTED[request.kind], f"{request}\n{answer}"
        if request.kind == "hold":
            hold = answer.json()
            assert hold["seats"] == request.content["seats"] and hold["user_id"] == request.user, answer
            self.holds[hold["hold_id"]] = hold
        elif request.kind == "release":
            self.holds[request.subject]["status"] = "RELEASED"
        else:
            order = answer.json()
            self.orders[order["order_id"]] = order
            self.holds[order["hold_id"]]["status"] = "CONVERTED"

    def users(self) -> set[str]:
        return {thing["user_id"] for things in (self.holds, self.orders) for thing in things.values()}

    def check(self, port: int) -> None:
        """Reads everything back."""
        apis = {user: Api(port, user) for user in self.users()}
        with Connection(port) as connection:
            for kind, things in (("holds", self.holds), ("orders", self.orders)):
                for thing_id, promised in things.items():
                    target = f"/v1/{kind}/{thing_id}"
                    connection.send(request_bytes("GET", target, [("Authorization", f"Bearer {apis[promised['user_id']].token}")]))
                    found = connection.receive()
                    assert found.status == 200 and found.json() == promised, f"promised: {promised}\nfound: {found}"

    def check_seats(self, port: int, event_id: str) -> None:
        """Every seat of the event is as the ledger has it, and belongs to one hold or order at most."""
        expected: dict[str, str] = {}
        owners: dict[str, dict] = {}
        for thing in [*self.holds.values(), *self.orders.values()]:
            status = SEAT_OF.get(thing["status"])
            if thing["event_id"] != event_id or status is None:
                continue
            for seat in thing["seats"] if "seats" in thing else [item["seat"] for item in thing["items"]]:
                assert seat not in owners, f"{seat} was given twice:\n{owners[seat]}\n{thing}"
                owners[seat], expected[seat] = thing, status
        for label, seat in Api(port, None).seats(event_id).items():
            assert seat["status"] == expected.get(label, "available"), f"{seat}, but by the answers: {owners.get(label)}"


def ask_again(port: int, request: Request) -> wire.Response:
    with Connection(port) as connection:
        connection.send(request.bytes(credentials.token(request.user)))
        return connection.receive(request.method)


def settle(port: int, journals: list[list[Entry]]) -> Ledger:
    """The ledger of the journals, where each request without an answer has been asked again, twice: the answers must agree."""
    ledger = Ledger()
    unanswered = []
    for journal in journals:
        for entry in journal:
            if entry.answer is not None:
                ledger.enter(entry.request, entry.answer)
            else:
                assert entry.partial == b"", f"half an answer: {entry}"
                unanswered.append(entry.request)
    for request in unanswered:
        first, second = ask_again(port, request), ask_again(port, request)
        ledger.enter(request, first)
        assert second.status == first.status, f"{request}\n{first}\n{second}"
        if first.status < 300:
            assert second.body == first.body, f"{request}\n{first}\n{second}"
            assert request.key is None or second.headers.get("Idempotency-Replayed") == "true", f"{request}\n{second}"
    return ledger
