"""Many buyers at once, each a process of its own: one winner for a seat, all or nothing for several."""

import collections
import datetime
import multiprocessing
import random
import time

import pytest

from harness.api import Api
from harness.problems import expect

BUYERS = 8
FORK = multiprocessing.get_context("fork")


def compete(port: int, attempt, arguments: list[tuple]) -> list:
    """Runs `attempt(api, *arguments)` in a process for each buyer, all started at the same moment, and gathers their results."""
    start, results = FORK.Barrier(len(arguments)), FORK.SimpleQueue()

    def buyer(number: int) -> None:
        api = Api(port, f"buyer-{number}")
        start.wait(30)
        try:
            results.put((number, attempt(api, *arguments[number]), None))
        except BaseException as failure:
            results.put((number, None, repr(failure)))

    processes = [FORK.Process(target=buyer, args=(number,), daemon=True) for number in range(len(arguments))]
    for process in processes:
        process.start()
    answers = [results.get() for _ in processes]
    for process in processes:
        process.join(30)
    failures = [failure for _, _, failure in answers if failure]
    assert not failures, failures
    return [answer for _, answer, _ in sorted(answers, key=lambda answer: answer[0])]


@pytest.fixture
def busy(start_server):
    return start_server()


def take(api: Api, event_id: str, seats: list[str]) -> tuple[int, list[str]]:
    response = api.hold(event_id, seats)
    assert response.status in (201, 409), response
    return response.status, response.json()["seats"]


def take_each(api: Api, event_id: str, wishes: list[list[str]]) -> list[tuple[int, list[str]]]:
    return [take(api, event_id, seats) for seats in wishes]


def test_one_seat_has_one_winner(busy):
    api = busy.api()
    event_id = api.create_event(rows=1, seats_per_row=30)["event_id"]
    seats = [[f"A-1-{number}"] for number in range(1, 31)]
    rounds = compete(busy.port, take_each, [(event_id, seats)] * BUYERS)
    for number, seat in enumerate(seats):
        answers = [answers[number] for answers in rounds]
        assert sorted(status for status, _ in answers) == [201] + [409] * (BUYERS - 1), seat
        assert all(named == seat for _, named in answers)


def test_overlapping_wishes_take_all_or_nothing(busy):
    api = busy.api()
    event_id = api.create_event(rows=2, seats_per_row=20)["event_id"]
    labels = list(api.seats(event_id))
    source = random.Random(3)
    wishes = [[source.sample(labels, source.randrange(1, 6)) for _ in range(40)] for _ in range(BUYERS)]
    answers = compete(busy.port, take_each, [(event_id, wish) for wish in wishes])
    owners = collections.Counter(seat for mine in answers for status, seats in mine if status == 201 for seat in seats)
    assert owners and max(owners.values()) == 1, "a seat was held twice"
    statuses = {label: seat["status"] for label, seat in api.seats(event_id).items()}
    assert {label for label, status in statuses.items() if status == "held"} == set(owners)
    for wanted, mine in zip(wishes, answers, strict=True):
        for wish, (status, named) in zip(wanted, mine, strict=True):
            assert named == wish if status == 201 else named and set(named) <= set(wish)


def order_it(api: Api, hold_id: str) -> int:
    return api.as_user("ada").order(hold_id=hold_id).status


def test_one_hold_makes_one_order(busy):
    api = busy.api()
    event_id = api.create_event()["event_id"]
    for number in range(1, 6):
        hold = api.held(event_id, f"A-1-{number}")
        statuses = compete(busy.port, order_it, [(hold["hold_id"],)] * BUYERS)
        assert sorted(statuses) == [202] + [409] * (BUYERS - 1)


def order_or_release(api: Api, hold_id: str, what: str) -> int:
    mine = api.as_user("ada")
    return (mine.order(hold_id=hold_id) if what == "order" else mine.release(hold_id)).status


def test_ordering_and_releasing_do_not_both_succeed(busy):
    api = busy.api()
    event_id = api.create_event()["event_id"]
    for number in range(1, 9):
        hold = api.held(event_id, f"A-1-{number}")
        ordered, released = compete(busy.port, order_or_release, [(hold["hold_id"], "order"), (hold["hold_id"], "release")])
        assert (ordered, released) in ((202, 409), (409, 204))
        expected = ("CONVERTED", "reserved") if ordered == 202 else ("RELEASED", "available")
        assert (expect(api.get_hold(hold["hold_id"]), 200)["status"], *api.seat_status(event_id, f"A-1-{number}")) == expected


def pay_it(api: Api, order_id: str, status: str, transaction_id: str) -> tuple[int, bytes]:
    response = api.pay(order_id, status, transaction_id)
    return response.status, response.body


def test_one_transaction_reported_at_once_counts_once(busy):
    api = busy.api()
    event_id = api.create_event()["event_id"]
    for number in range(1, 6):
        order = api.ordered(event_id, f"A-1-{number}")
        answers = compete(busy.port, pay_it, [(order["order_id"], "SUCCEEDED", f"same-{number}")] * BUYERS)
        assert {status for status, _ in answers} == {200}
        assert len({body for _, body in answers}) == 1
        assert api.history("orders", order["order_id"]) == ["order.created", "order.confirmed"]


def test_several_payments_confirm_once_and_refund_the_rest(busy):
    api = busy.api()
    event_id = api.create_event()["event_id"]
    order = api.ordered(event_id, "A-1-1")
    answers = compete(busy.port, pay_it, [(order["order_id"], "SUCCEEDED", f"several-{number}") for number in range(BUYERS)])
    assert {status for status, _ in answers} == {200}
    history = api.history("orders", order["order_id"])
    assert history == ["order.created", "order.confirmed"] + ["order.refund_required"] * (BUYERS - 1)


def pay_or_cancel(api: Api, order_id: str, what: str) -> int:
    mine = api.as_user("ada")
    return (mine.pay(order_id) if what == "pay" else mine.cancel(order_id)).status


def test_paying_and_cancelling_at_once_loses_no_money(busy):
    """Cancelled first: the payment is late and takes the seats again. Paid first: the cancellation is refused."""
    api = busy.api()
    event_id = api.create_event()["event_id"]
    for number in range(1, 9):
        order = api.ordered(event_id, f"A-1-{number}")
        paid, cancelled = compete(busy.port, pay_or_cancel, [(order["order_id"], "pay"), (order["order_id"], "cancel")])
        assert (paid, cancelled) in ((200, 200), (200, 409))
        assert expect(api.get_order(order["order_id"]), 200)["status"] == "CONFIRMED"
        assert api.seat_status(event_id, f"A-1-{number}") == ["sold"]


def buy(api: Api, event_id: str, labels: list[str], seed: int) -> list[list[str]]:
    """A buyer who takes seats until none is left: the seats of the confirmed orders."""
    source, bought = random.Random(seed), []
    left = set(labels)
    while left:
        wish = source.sample(sorted(left), min(len(left), source.randrange(1, 5)))
        response = api.hold(event_id, wish)
        if response.status == 409:
            left -= set(response.json()["seats"])
            continue
        hold = expect(response, 201)
        left -= set(wish)
        order = expect(api.order(hold_id=hold["hold_id"]), 202)
        assert expect(api.pay(order["order_id"]), 200)["status"] == "CONFIRMED"
        bought.append(wish)
    return bought


def test_an_event_sells_out_exactly(busy):
    api = busy.api()
    event_id = api.create_event(rows=8, seats_per_row=25)["event_id"]
    labels = list(api.seats(event_id))
    bought = compete(busy.port, buy, [(event_id, labels, seed) for seed in range(BUYERS)])
    sold = collections.Counter(seat for mine in bought for seats in mine for seat in seats)
    assert sorted(sold) == sorted(labels) and set(sold.values()) == {1}
    assert {seat["status"] for seat in api.seats(event_id).values()} == {"sold"}


def test_seats_that_lapse_are_sold_once(start_server):
    """Buyers pounce on the deadline of a hold; one gets the seat."""
    server = start_server(HOLD_TTL="1s")
    api = server.api()
    event_id = api.create_event()["event_id"]
    for number in range(1, 4):
        seat = f"A-1-{number}"
        hold = api.held(event_id, seat)
        wishes = compete(server.port, pounce, [(event_id, seat, hold["expires_at"])] * BUYERS)
        assert sum(wishes) == 1


def pounce(api: Api, event_id: str, seat: str, deadline: str) -> int:
    """Asks until somebody has the seat anew; returns whether it is this buyer."""
    end = datetime.datetime.fromisoformat(deadline).timestamp() + 0.3
    while time.time() < end:
        status, _ = take(api, event_id, [seat])
        if status == 201:
            return 1
    return 0
