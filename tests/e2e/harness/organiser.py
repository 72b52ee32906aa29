"""An organiser who sells an event of their own while everything fails, whose buyers pay in every wrong way, who cancels it in the middle, and who gives
money back; and what must be true of the money in the end."""

import collections
import contextlib
import threading
import time

from harness import wire
from harness.api import new_key
from harness.server import Server

PATIENCE_SECONDS = 90
PRICE = 2500
ORDERS_BEFORE, ORDERS_LATE = 60, 20  # orders that are made at most, and those that are paid after the event was cancelled


class Organiser(threading.Thread):
    """Each request goes to one API after the other until one has answered; payments are noted when they were acknowledged."""

    def __init__(self, servers: list[Server], sells_for: float):
        super().__init__()
        self.apis = [server.api("patron") for server in servers]
        self.admins = [server.api("organiser", "tro:admin") for server in servers]
        self.sells_for, self.turn = sells_for, 0
        self.event_id: str | None = None
        self.paid: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)  # by order, then currency
        self.failure: BaseException | None = None

    def insist(self, ask, callers=None):
        """The first answer that is neither 5xx nor says that the first try is still at work."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            self.turn += 1
            callers = callers or self.apis
            with contextlib.suppress(OSError, wire.Closed):
                answer = ask(callers[self.turn % len(callers)])
                if answer.status < 500 and b"idempotency-busy" not in answer.body:
                    return answer
            assert time.monotonic() < deadline, "nobody answers"
            time.sleep(0.1)

    def run(self) -> None:
        try:
            self.sell_and_cancel()
        except BaseException as failure:  # the test fails of it, not this thread alone
            self.failure = failure

    def sell_and_cancel(self) -> None:
        content = {"name": "Cancelled in the middle", "venue": "Old Opera", "starts_at": "2027-06-01T19:30:00Z", "currency": "EUR",
                   "sections": [{"name": "A", "price": PRICE, "rows": 10, "seats_per_row": 20}]}
        key = new_key()
        created = self.insist(lambda api: api.request("POST", "/v1/events", json=content, key=key), self.admins)
        assert created.status == 201, created
        self.event_id = created.json()["event_id"]
        orders, until = [], time.monotonic() + self.sells_for
        while time.monotonic() < until:
            if len(orders) < ORDERS_BEFORE and (order_id := self.order(len(orders))) is not None:
                orders.append(order_id)
                self.pay_somehow(len(orders), order_id)
            time.sleep(0.05)
        cancelled = self.insist(lambda api: api.request("POST", f"/v1/events/{self.event_id}/cancel"), self.admins)
        assert cancelled.status == 200 and cancelled.json()["status"] == "cancelled", cancelled
        for order_id in orders[:ORDERS_LATE]:  # pending, expired and confirmed ones: no payment confirms any more
            self.pay(order_id, f"late-{order_id}", "SUCCEEDED")
        self.give_back()

    def order(self, number: int) -> str | None:
        seat, hold_key, order_key = f"A-{number // 20 % 10 + 1}-{number % 20 + 1}", new_key(), new_key()
        hold = self.insist(lambda api: api.hold(self.event_id, [seat], key=hold_key))
        if hold.status != 201:
            return None
        hold_id = hold.json()["hold_id"]
        order = self.insist(lambda api: api.order(hold_id=hold_id, key=order_key))
        return order.json()["order_id"] if order.status == 202 else None

    def pay(self, order_id: str, transaction: str, status: str, **members) -> None:
        answer = self.insist(lambda api: api.pay(order_id, status, transaction, **members))
        if status == "SUCCEEDED" and answer.status == 200:
            self.paid[order_id][members.get("currency", "EUR")] += members.get("amount", PRICE)

    def pay_somehow(self, number: int, order_id: str) -> None:
        way = number % 7
        if way == 1:
            self.pay(order_id, f"little-{order_id}", "SUCCEEDED", amount=PRICE - 1, currency="EUR")
        if way == 2:
            self.pay(order_id, f"much-{order_id}", "SUCCEEDED", amount=PRICE + 700, currency="EUR")
        if way == 3:
            self.pay(order_id, f"foreign-{order_id}", "SUCCEEDED", amount=PRICE, currency="USD")
        if way == 4:
            self.pay(order_id, f"exact-{order_id}", "FAILED")
        if way in (0, 1, 4, 5):
            self.pay(order_id, f"exact-{order_id}", "SUCCEEDED")
        if way == 5:
            self.pay(order_id, f"again-{order_id}", "SUCCEEDED")
        # 6 is paid when it is too late, or never

    def give_back(self) -> None:
        """Closes some of the due refunds: as the operator, or as the provider reports it."""
        listed = self.insist(lambda api: api.get(f"/v1/refunds?status=due&event_id={self.event_id}&limit=30"), self.admins)
        assert listed.status == 200, listed
        for number, refund in enumerate(listed.json()["data"]):
            path = f"/v1/refunds/{refund['refund_id']}/done"
            if number % 3 == 0:
                done = self.insist(lambda api, path=path: api.request("POST", path), self.admins)
            elif number % 3 == 1:
                members = {"refund_id": refund["refund_id"], "amount": refund["amount"], "currency": refund["currency"]}
                done = self.insist(lambda api, r=refund, m=members: api.pay(r["order_id"], "REFUNDED", r["transaction_id"], **m))
            else:
                continue
            assert done.status == 200, done

    def check(self, database, is_whole: bool) -> None:
        """All that buyers of the cancelled event have paid is due to them or was given back, to the cent, in their currency. is_whole: there was time
        for many orders, and for some refunds to be closed and others not."""
        assert self.failure is None, self.failure
        back: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
        rows = database.query(f"SELECT order_id, currency, amount, status FROM refunds WHERE event_id = '{self.event_id}'")
        for order_id, currency, amount, _ in rows:
            back[order_id][currency] += int(amount)
        wrong = {order: (dict(paid), dict(back[order])) for order, paid in self.paid.items() if paid != back[order]}
        assert wrong == {}, f"paid and given back, or due: {wrong}"
        done = sum(status == "2" for *_, status in rows)
        print(f"the cancelled event: {len(self.paid)} orders paid, {len(rows)} refunds, {done} of them done")
        assert not is_whole or (len(self.paid) > 10 and 0 < done < len(rows))


def check_accounts(database) -> None:
    """paid = kept + due + refunded, in every order; the list of refunds has the same due and refunded sums."""
    wrong = database.query(
        "SELECT o.order_id, o.paid, o.kept, o.refunds_due, o.refunded FROM orders o LEFT JOIN"
        " (SELECT order_id, currency, sum(CASE WHEN status = 1 THEN amount ELSE 0 END) AS due, sum(CASE WHEN status = 2 THEN amount ELSE 0 END) AS done"
        " FROM refunds GROUP BY 1, 2) r ON r.order_id = o.order_id AND r.currency = o.currency"
        " WHERE o.paid <> o.kept + o.refunds_due + o.refunded OR o.refunds_due <> coalesce(r.due, 0) OR o.refunded <> coalesce(r.done, 0)"
        " OR (o.status = 2 AND o.kept NOT IN (0, o.total)) OR (o.status <> 2 AND o.kept <> 0)"
    )
    assert wrong == [], f"{len(wrong)} orders whose money does not add up, such as {wrong[:5]}"
