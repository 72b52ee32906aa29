"""Clients that generators make of api/openapi.yaml: complete, typed, and able to buy a ticket."""

import compileall
import fcntl
import importlib
import os
import pathlib
import subprocess
import sys
import uuid

import pytest

from harness import contract, credentials, paths

PROGRAMS = pathlib.Path(sys.executable).parent
# What is neither JSON nor text needs no types; everything else that the generator complains of is a defect of the document.
CONFIGURATION = "content_type_overrides:\n  application/yaml: text/plain\n"


def generate(folder: pathlib.Path, *command) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
    done = subprocess.run(
        [PROGRAMS / command[0], *command[1:]], cwd=folder, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def make_client(folder: pathlib.Path) -> None:
    (folder / "config.yaml").write_text(CONFIGURATION)
    said = generate(
        folder, "openapi-python-client", "generate", "--path", str(paths.OPENAPI), "--config", "config.yaml",
        "--output-path", str(folder / "tro_client"), "--meta", "none", "--fail-on-warning",
    )  # fmt: skip
    assert "warning" not in said.lower(), said


@pytest.fixture(scope="module")
def client(tmp_path_factory, worker_id):
    """Imports modules of the client that openapi-python-client makes, once for all workers: client("api.holds.create_hold")."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "client"
    folder.mkdir(exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "whole").exists():
            make_client(folder)
            (folder / "whole").touch()
    sys.path.insert(0, str(folder))
    yield lambda name="": importlib.import_module(f"tro_client{name and '.'}{name}")
    sys.path.remove(str(folder))


@pytest.fixture
def url(server) -> str:
    return f"http://127.0.0.1:{server.port}"


def authenticated(client, url, user: str, scope: str | None = None):
    return client().AuthenticatedClient(base_url=url, token=credentials.token(user, scope), raise_on_unexpected_status=True)


def provider(client, url):
    """Signs the generated client's requests."""

    def sign(request):
        request.headers["TRO-Signature"] = credentials.callback_signature(request.content)

    return client().Client(base_url=url, httpx_args={"event_hooks": {"request": [sign]}}, raise_on_unexpected_status=True)


def create_event(client, url):
    models = client("models")
    body = models.EventOfSections.from_dict(
        {
            "name": "The Magic Flute",
            "venue": "Old Opera",
            "description": "Act one\nAct two",
            "starts_at": "2027-06-01T19:30:00Z",
            "currency": "EUR",
            "sections": [{"name": "A", "price": 9500, "rows": 2, "seats_per_row": 5}],
        }
    )
    event = client("api.events.create_event").sync(client=authenticated(client, url, "admin", "tro:admin"), body=body)
    assert isinstance(event, models.Event) and event.description == "Act one\nAct two"
    return event


def test_the_generated_client_buys_a_ticket(client, url):
    models, ada = client("models"), authenticated(client, url, "ada")
    event = create_event(client, url)
    page = client("api.events.list_seats").sync(event.event_id, client=ada, status=models.SeatStatus.AVAILABLE, limit=2)
    seats = [seat.seat for seat in page.data]
    hold = client("api.holds.create_hold").sync(
        client=ada, body=models.HoldCreate(event_id=event.event_id, seats=seats), idempotency_key=str(uuid.uuid4())
    )
    assert isinstance(hold, models.Hold) and hold.status is models.HoldStatus.ACTIVE
    order = client("api.orders.create_order").sync(
        client=ada,
        body=models.OrderOfHold(hold_id=hold.hold_id, payment_method=models.PaymentMethod.CARD),
        idempotency_key=str(uuid.uuid4()),
    )
    assert isinstance(order, models.Order) and (order.total, order.status) == (19000, models.OrderStatus.PENDING)
    report = models.PaymentReport(order_id=order.order_id, status=models.PaymentStatus.SUCCEEDED, transaction_id=f"tx-{uuid.uuid4()}")
    paid = client("api.payments.report_payment").sync(client=provider(client, url), body=report)
    assert isinstance(paid, models.Order) and paid.status is models.OrderStatus.CONFIRMED
    history = client("api.orders.get_order_history").sync(order.order_id, client=ada)
    assert [type(entry) for entry in history.data] == [models.OrderEvent] * 2
    assert [type(entry.data) for entry in history.data] == [models.OrderEventData] * 2
    assert [seat.status for seat in client("api.events.list_seats").sync(event.event_id, client=ada, limit=2).data] == [models.SeatStatus.SOLD] * 2


def test_the_generated_client_reads_a_refusal(client, url):
    models = client("models")
    event = create_event(client, url)
    for user in ("bob", "ada"):
        answer = client("api.holds.create_hold").sync(
            client=authenticated(client, url, user),
            body=models.HoldCreate(event_id=event.event_id, seats=["A-1-1"]),
            idempotency_key=str(uuid.uuid4()),
        )
    assert isinstance(answer, models.Problem)
    assert (answer.status, answer.detail, answer.seats) == (409, "1 of 1 seat is taken.", ["A-1-1"])


def test_every_schema_is_generated(client):
    """Unions and aliases become the types that they stand for; every other schema has a class of its name."""
    models = client("models")
    schemas = contract.document()["components"]["schemas"]
    named = {name for name, schema in schemas.items() if schema.get("type") == "object" or "enum" in schema}
    assert named <= set(models.__all__)


def test_openapi_generator_takes_the_document(tmp_path):
    generate(tmp_path, "openapi-generator-cli", "generate", "-g", "python", "-i", str(paths.OPENAPI), "-o", "out", "--package-name", "tro_generated")
    package = tmp_path / "out" / "tro_generated"
    assert compileall.compile_dir(package, quiet=1)
    generated = {path.stem.replace("_", "") for path in (package / "models").glob("*.py")}
    schemas = contract.document()["components"]["schemas"]
    assert {name.lower() for name, schema in schemas.items() if schema.get("type") == "object" or "oneOf" in schema} <= generated
