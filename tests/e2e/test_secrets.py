"""Where secrets may come from, and that they go nowhere: not to the log, metrics, answers, process lists or `tro config`."""

import pathlib

import pytest
from harness import credentials
from harness.problems import expect
from harness.server import Server, eventually, run_tro

UNKNOWN = "00000000-0000-0000-0000-000000000000"
JWT_SECRET = "tokens-are-signed-with-this-and-nobody-sees-it"
PAYMENT_SECRET = "callbacks-are-signed-with-this-and-nobody-sees-it"


def file_with(folder: pathlib.Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_a_server_finds_its_secrets_in_files(start_server, tmp_path):
    server = start_server(
        JWT_SECRET=None,
        JWT_SECRET_FILE=file_with(tmp_path, "jwt", JWT_SECRET + "\n"),
        PAYMENT_SECRET=None,
        PAYMENT_SECRET_FILE=file_with(tmp_path, "payment", PAYMENT_SECRET + "\n"),
    )
    api = server.api()
    api.token = credentials.token("ada", "tro:admin", secret=JWT_SECRET)
    expect(api.get(f"/v1/holds/{UNKNOWN}"), 404)
    done = server.tro("token", "--user", "ada")
    api.token = done.stdout.strip()
    expect(api.get(f"/v1/holds/{UNKNOWN}"), 404)


def test_a_server_finds_its_credentials(start_server, tmp_path):
    file_with(tmp_path, "jwt", JWT_SECRET)
    server = start_server(JWT_SECRET=None, JWT_SECRET_FILE="jwt", CREDENTIALS_DIRECTORY=str(tmp_path))
    api = server.api()
    api.token = credentials.token("ada", secret=JWT_SECRET)
    expect(api.get(f"/v1/holds/{UNKNOWN}"), 404)


@pytest.mark.parametrize("name", ["JWT_SECRET", "PAYMENT_SECRET", "CRDB_DSN", "MONGO_URI", "REDIS_ADDR", "RABBIT_URL"])
def test_a_file_that_cannot_be_read_is_one_line(tmp_path, name):
    empty = file_with(tmp_path, "empty", "\n")
    for path, why in (("/nowhere/secret", "cannot be read: No such file or directory"), (empty, "is empty")):
        done = run_tro("serve", DATA_DIR=str(tmp_path / "data"), **{f"{name}_FILE": path})
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1 and f"{name}_FILE: {path} {why}" in done.stderr
    done = run_tro("serve", DATA_DIR=str(tmp_path / "data"), **{f"{name}_FILE": empty, name: JWT_SECRET})
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and f"{name} and {name}_FILE are both set" in done.stderr


def test_the_configuration_shows_the_path_and_not_the_secret(tmp_path):
    path = file_with(tmp_path, "dsn", "postgresql://tro:hunter2@db/tro\n")
    done = run_tro("config", CRDB_DSN_FILE=path, JWT_SECRET=JWT_SECRET)
    assert f"CRDB_DSN_FILE={path}\n" in done.stdout and "JWT_SECRET=***\n" in done.stdout
    assert "hunter2" not in done.stdout and JWT_SECRET not in done.stdout


def test_a_secret_in_a_flag_is_in_no_process_list(tmp_path):
    server = Server(tmp_path, flags=["--jwt-secret", JWT_SECRET, f"--payment-secret={PAYMENT_SECRET}", "--redis-addr", "redis://:hunter2@127.0.0.1:1/"])
    server.start()
    try:
        arguments = pathlib.Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
        assert b"--jwt-secret\0***" in arguments and b"--payment-secret=***" in arguments
        for secret in (JWT_SECRET, PAYMENT_SECRET, "hunter2"):
            assert secret.encode() not in arguments
        api = server.api()
        api.token = credentials.token("ada", secret=JWT_SECRET)
        expect(api.get(f"/v1/holds/{UNKNOWN}"), 404)
    finally:
        server.stop()
        server.discard()


def test_nothing_that_a_server_says_has_a_secret_in_it(start_server):
    """Whatever is refused is told with a reason; none of them quotes a token, a signature or a setting, at the most talkative level either."""
    server = start_server(JWT_SECRET=JWT_SECRET, PAYMENT_SECRET=PAYMENT_SECRET, LOG_LEVEL="debug", REDIS_ADDR="redis://ada:hunter2@127.0.0.1:1/",
                          RABBIT_URL="amqp://ada:hunter2@127.0.0.1:1/")
    good = credentials.token("ada", secret=JWT_SECRET)
    forged = credentials.token("mallory", secret="not-the-secret-of-this-server-at-all")
    api = server.api()
    said = []
    for token in (good, forged, good + "x", good[:-2], "abc", JWT_SECRET):
        api.token = token
        said.append(api.get(f"/v1/holds/{UNKNOWN}"))
        said.append(api.request("POST", "/v1/holds", json={"event_id": token}, key="k" * 16))
    api.token = None
    body = b'{"order_id":"00000000-0000-0000-0000-000000000000","status":"SUCCEEDED","transaction_id":"t"}'
    for signature in (credentials.callback_mac(body, 1, PAYMENT_SECRET), PAYMENT_SECRET):
        said.append(api.request("POST", "/v1/payments/callback", body=body, headers={"TRO-Signature": f"t=1,v1={signature}"}))
    for path in ("/v1/readyz?verbose", "/metrics", "/v1/openapi.yaml"):
        said.append(api.get(path))
    eventually(lambda: len([line for line in server.log() if line["message"] == "request"]) >= len(said), within=10)
    answers = "\n".join(f"{answer.headers} {answer.body!r}" for answer in said)
    everything = answers + server.stderr + server.stdout
    secrets = [JWT_SECRET, PAYMENT_SECRET, "hunter2", good.rsplit(".", 1)[1], forged.rsplit(".", 1)[1], good.split(".")[1]]
    for secret in secrets:
        assert secret not in everything, secret


def test_stored_files_have_no_secret_in_them(start_server):
    server = start_server(JWT_SECRET=JWT_SECRET, PAYMENT_SECRET=PAYMENT_SECRET)
    api = server.api()
    api.token = credentials.token("ada", "tro:admin", secret=JWT_SECRET)
    expect(api.get(f"/v1/holds/{UNKNOWN}"), 404)
    for path in server.data_dir.rglob("*") if server.data_dir.exists() else []:
        content = path.read_bytes() if path.is_file() else b""
        assert JWT_SECRET.encode() not in content and PAYMENT_SECRET.encode() not in content, path
        assert path.stat().st_mode & 0o077 == 0, f"{path} is others' to read"
