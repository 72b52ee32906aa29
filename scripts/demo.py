"""Draws docs/demo.svg, the README's picture: starts `tro serve --demo`, buys two tickets, and sets what really came out as a terminal.

	python3 scripts/demo.py        needs build/bin and curl, and LISTEN_ADDR (127.0.0.1:8080) to be free

Only ids, tokens and trace ids are shortened."""

import html
import os
import pathlib
import re
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("TRO_BIN_DIR", ROOT / "build" / "bin")).resolve()
URL = "http://" + os.environ.get("LISTEN_ADDR", "127.0.0.1:8080")

COLUMNS = 100
CHARACTER, LINE, MARGIN, SIZE = 8.4, 20, 24, 14
CALL = 'curl -s %s -H "Authorization: Bearer $%s" -H "Idempotency-Key: $(date +%%s%%N)" \\\n    --json \'%s\''

SHORTENED = [
    (r"\b([0-9a-f]{4})[0-9a-f]{4}(?:-[0-9a-f]{4}){3}-[0-9a-f]{6}([0-9a-f]{6})\b", r"\1…\2"),
    (r"\b(eyJ[\w-]{12})[\w.-]+", r"\1…"),
    (r'("trace_id":"[0-9a-f]{6})[0-9a-f]+', r"\1…"),
]
COLOURS = [
    (r"ACTIVE|CONFIRMED|\b0 differences", "#7ee787"),
    (r"PENDING", "#e3b341"),
    (r"seats-taken|\b409\b", "#ff7b72"),
]


def wrapped(line):
    """The line in parts that fit, each ending with a comma but the last."""
    while len(line) > COLUMNS:
        end = line.rindex(",", 0, COLUMNS) + 1
        yield line[:end]
        line = line[end:]
    yield line


class Session:
    """A shell that remembers what came out, and takes ids from it."""

    def __init__(self, folder):
        self.folder, self.lines, self.environment = folder, [], {**os.environ, "URL": URL}

    def show(self, kind, text):
        for pattern, replacement in SHORTENED:
            text = re.sub(pattern, replacement, text)
        self.lines += [(kind, part) for line in text.splitlines() for part in wrapped(line)]

    def output(self, command):
        done = subprocess.run(["bash", "-c", command], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def run(self, command, **ids):
        """Shows the command and its output; ids: NAME="field" keeps what the answer has in it."""
        self.show("command", f"$ {command}")
        output = self.output(command)
        self.show("output", output + "\n\n")
        for name, field in ids.items():
            self.environment[name] = re.search(rf'"{field}":"([^"]+)"', output)[1]


def buy(session):
    session.environment.update(
        ALICE=session.output("build/bin/tro token --user alice"),
        BOB=session.output("build/bin/tro token --user bob"),
        EVENT=session.output("build/bin/tro event list | cut -d ' ' -f 1"),
    )
    seats = '{"event_id":"\'$EVENT\'","seats":["%s","%s"]}'
    session.run(CALL % ("$URL/v1/holds", "ALICE", seats % ("A-1-1", "A-1-2")), HOLD="hold_id")
    session.run(CALL % ("$URL/v1/holds", "BOB", seats % ("A-1-2", "A-1-3")))
    session.run(CALL % ("$URL/v1/orders", "ALICE", '{"hold_id":"\'$HOLD\'","payment_method":"card"}'), ORDER="order_id")
    session.run("build/bin/tro pay $ORDER --succeed")
    session.run("build/bin/tro verify")


def coloured(line):
    text = html.escape(line, quote=False)
    for pattern, colour in COLOURS:
        text = re.sub(pattern, rf'<tspan fill="{colour}">\g<0></tspan>', text)
    return text


def draw(lines):
    width, height = COLUMNS * CHARACTER + 2 * MARGIN, len(lines) * LINE + 3 * MARGIN
    rows = []
    for number, (kind, line) in enumerate(lines):
        style = ' fill="#f0f6fc"' if kind == "command" else ""
        rows.append(f'<text x="{MARGIN}" y="{2.5 * MARGIN + number * LINE:g}"{style}>{coloured(line)}</text>')
    buttons = "".join(f'<circle cx="{MARGIN + 20 * i}" cy="{MARGIN}" r="6" fill="{colour}"/>' for i, colour in enumerate(("#ff5f57", "#febc2e", "#28c840")))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" '
            f'font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="{SIZE}" '
            f'fill="#9da7b3" xml:space="preserve">\n<rect width="100%" height="100%" rx="10" fill="#0d1117"/>\n{buttons}\n'
            + "\n".join(rows) + "\n</svg>\n")


def main():
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "build").mkdir()
        pathlib.Path(folder, "build", "bin").symlink_to(BIN)
        session = Session(folder)
        session.show("command", "$ build/bin/tro serve --demo &")
        with open(pathlib.Path(folder, "out"), "w+") as out:
            server = subprocess.Popen(["build/bin/tro", "serve", "--demo"], cwd=folder, stdout=out, stderr=subprocess.DEVNULL)
            try:
                deadline = time.monotonic() + 10
                while "Buy two tickets" not in (banner := pathlib.Path(folder, "out").read_text()):
                    assert server.poll() is None and time.monotonic() < deadline, "the server does not start"
                    time.sleep(0.05)
                session.show("output", banner.split("Buy two tickets")[0].strip() + "\n\n")
                buy(session)
            finally:
                server.terminate()
                server.wait()
    while not session.lines[-1][1]:
        session.lines.pop()
    (ROOT / "docs" / "demo.svg").write_text(draw(session.lines))


if __name__ == "__main__":
    main()
