"""The documents say what the program does: tables are compared with what they describe, and the README's calls are run as they stand."""

import json
import re
import subprocess

import pytest

from harness import contract, paths, prometheus
from harness.server import environment, run_tro

DOCS = paths.REPOSITORY / "docs"
SOURCES = paths.REPOSITORY / "src"
DOCUMENTS = sorted(path for path in [*paths.REPOSITORY.glob("*.md"), *DOCS.rglob("*.md")])


def table(document, *head: str) -> list[list[str]]:
    """The cells of the rows below this table head; `\\|` in a cell is a bar."""
    lines = document.read_text().splitlines()
    assert lines.count(start := f"| {' | '.join(head)} |") == 1, f"{document} should have one table {start}"
    rows = []
    for line in lines[lines.index(start) + 2 :]:
        if not line.startswith("|"):
            break
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        assert len(cells) == len(head), line
        rows.append(cells)
    return rows


def readme(*head: str) -> list[list[str]]:
    return table(paths.REPOSITORY / "README.md", *head)


def code(cell: str) -> str:
    """What stands between the backquotes."""
    return re.fullmatch(r"`([^`]+)`", cell)[1]


def test_the_readme_has_every_setting():
    printed = run_tro("config", "--markdown").stdout
    assert printed in (paths.REPOSITORY / "README.md").read_text(), "replace the README's table by what `tro config --markdown` prints"


def test_the_readme_has_every_route():
    operations = {
        f"{method.upper()} {path}" for path, item in contract.document()["paths"].items() for method in contract.METHODS if method in item
    }
    rows = [code(row[0]) for row in readme("route", "who", "answer")]
    assert sorted(rows) == sorted(operations)


def test_the_readme_has_every_command():
    commands = re.findall(r"^  (\w+(?: \w+)?)  +(.+)$", run_tro("--help").stdout, re.M)
    rows = readme("command", "what it does")
    assert [summary for _, summary in commands] == [summary for _, summary in rows]
    for (name, _), (usage, _) in zip(commands, rows, strict=True):
        assert run_tro(*name.split(), "--help").stdout.splitlines()[0] == f"usage: {code(usage)}"


def test_the_readme_has_every_target():
    targets = re.findall(r"^([a-z]+):.*## (.+)$", (paths.REPOSITORY / "Makefile").read_text(), re.M)
    text = (paths.REPOSITORY / "README.md").read_text()
    for name, summary in targets:
        assert name == "help" or f"| `make {name}` | {summary} |" in text, name


def test_the_calls_of_the_readme_buy_tickets(start_server, tmp_path):
    """The README's purchase, run as somebody pastes it, but for the address."""
    [block] = re.findall(r"^```sh\n(URL=.*?)^```", (paths.REPOSITORY / "README.md").read_text(), re.M | re.S)
    server = start_server(flags=["--demo"])
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "bin").symlink_to(paths.BIN_DIR)
    assert "http://127.0.0.1:8080" in block
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", block.replace("http://127.0.0.1:8080", f"http://127.0.0.1:{server.port}")],
        cwd=tmp_path,
        env=environment(server.options),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    *answers, verdict = done.stdout.splitlines()
    hold, refused, order, paid, confirmed, history = map(json.loads, filter(None, answers))
    assert (hold["status"], order["status"], paid["status"]) == ("ACTIVE", "PENDING", "CONFIRMED")
    assert (refused["status"], refused["seats"]) == (409, hold["seats"])
    assert confirmed == paid and confirmed["order_id"] == order["order_id"]
    assert [entry["type"] for entry in history["data"]] == ["order.created", "order.confirmed"]
    assert verdict.endswith(" 0 differences")


INSIDE = ("ERR_NO_MEMORY", "ERR_SYSTEM", "ERR_CORRUPT", "ERR_LIMIT")  # clients know them by another name


def test_every_error_is_listed():
    rows = re.findall(r'^X\((\w+), +(\d+), +"([\w-]+)", +(\w+), +"([^"]+)"\)$', (SOURCES / "base" / "error.def").read_text(), re.M)
    told = [(status, slug, title, retryable) for name, status, slug, retryable, title in rows if name not in INSIDE]
    inside = [(name, title) for name, _, slug, _, title in rows if name in INSIDE]
    listed = table(DOCS / "errors.md", "status", "type", "title", "again", "when")
    assert [(status, code(slug), title, {"yes": "true", "no": "false"}[again]) for status, slug, title, again, _ in listed] == told
    assert [(code(name), title) for name, title in table(DOCS / "errors.md", "name", "title")] == inside


def test_every_metric_is_explained(server):
    families = prometheus.parse(server.api(None).get("/metrics").body.decode())
    rows = table(DOCS / "operations.md", "metric", "labels", "what it counts")
    assert sorted(code(row[0]) for row in rows) == sorted(families)
    used = {name: {label for _, labels in family.samples for label, _ in labels} - {"le"} for name, family in families.items()}
    for name, labels, _ in rows:
        assert used[code(name)] <= {label.strip() for label in labels.split(",")}, name


def test_every_module_and_its_includes_are_listed():
    modules = re.findall(r"^tro_module\((\S+?)(?: SEES ([^)]*?))?(?: LINK [^)]*)?\)$", (paths.REPOSITORY / "CMakeLists.txt").read_text(), re.M)
    rows = table(DOCS / "architecture.md", "module", "what it has", "may include")
    listed = [(code(module), [] if seen == "nothing" else seen.split(", ")) for module, _, seen in rows]
    assert listed == [(module, seen.split()) for module, seen in modules]


def test_every_file_to_open_is_there():
    """A name without a folder is in that of the name before it, in its row."""
    for row in table(DOCS / "architecture.md", "for", "open", "with it"):
        folder = ""
        for name in re.findall(r"`([\w/…]+\.(?:c|h|def|lua|py|yaml|md))`", " ".join(row)):
            folder, _, name = (name if "/" in name else f"{folder}/{name}").rpartition("/")
            found = [place / name for place in (SOURCES / folder, paths.REPOSITORY / folder, paths.REPOSITORY) if (place / name).is_file()]
            assert found or "…" in name, f"{row[0]}: {folder}/{name}"


def test_every_lock_is_listed():
    declared = {
        str(path.relative_to(SOURCES))
        for path in SOURCES.rglob("*.[ch]")
        if re.search(r"^\s*pthread_(?:mutex|rwlock)_t \w", path.read_text(), re.M)
    }
    assert {code(row[0]) for row in table(DOCS / "architecture.md", "in", "guards", "held while")} == declared


def names_in(cell: str) -> list[str]:
    return re.findall(r"`([\w/]+(?:\.py|\.c)?)`", cell)


def test_every_test_that_security_names_is_there():
    document = DOCS / "security.md"
    owasp = table(document, "item", "what protects", "attacked by")
    assert [row[0].split()[0] for row in owasp] == [f"API{number}" for number in range(1, 11)]
    attacks = [row for section in document.read_text().split("| attack | what protects | test |\n")[1:] for row in section.split("\n\n")[0].splitlines()[1:]]
    cells = [row[2] for row in owasp] + [row.rsplit(" | ", 1)[1] for row in attacks]
    assert len(attacks) > 20
    for cell in cells:
        names = names_in(cell)
        assert names, cell
        for name in names:
            assert (paths.REPOSITORY / name).exists() or (paths.REPOSITORY / "tests" / "e2e" / name).is_file(), name
    targets = [name for row in table(document, "bytes", "target", "lines reached") for name in re.findall(r"`(\w+)`", row[1])]
    assert sorted(targets) == sorted(path.stem.removeprefix("fuzz_") for path in (paths.REPOSITORY / "tests" / "fuzz").glob("fuzz_*.c"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(paths.REPOSITORY)))
def test_every_link_leads_somewhere(document):
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        linked = document.parent / path if path else document
        assert linked.exists(), target
        headings = re.findall(r"^#+ (.+)$", linked.read_text(), re.M) if anchor else []
        assert not anchor or anchor in [re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings], target


def test_every_decision_is_in_the_list():
    listed = re.findall(r"^\| \[(\d{4})\]\((\S+)\) \|", (DOCS / "adr" / "README.md").read_text(), re.M)
    assert listed == [(path.name[:4], path.name) for path in sorted((DOCS / "adr").glob("0*.md"))]
