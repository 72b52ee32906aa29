"""Draws what the dashboards of deploy/grafana show of a real run: docs/dashboards/*.svg.

The three services on a PostgreSQL, a RabbitMQ and a Redis of its own, two minutes of an on-sale by `tro bench`, people who look at the seats, and a
real Prometheus that scrapes them. Each panel asks it what Grafana would ask. Needs build/bin: `make build`."""

import contextlib
import json
import math
import pathlib
import re
import sys
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path += [str(ROOT / "scripts" / "bench"), str(ROOT / "tests")]
import broker  # noqa: E402
from chart import STYLE, text  # noqa: E402
from database import database  # noqa: E402
from peers import prometheus, redis  # noqa: E402
from programs import program, report_of, say  # noqa: E402

SECONDS = 120
STEP_SECONDS = 2
COLUMN, ROW, WIDTH = 37, 24, 888
SERIES_MAX = 6
COLORS = ("#0969da", "#bc4c00", "#1a7f37", "#8250df", "#bf3989", "#9a6700")
SUFFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ"))
UNITS = {"s": "s", "bytes": "B", "decbytes": "B"}


def words_of(value, unit):
    if unit == "percentunit":
        return f"{value:.1%}"
    if value == 0 or not math.isfinite(value):
        return f"0 {UNITS.get(unit, '')}".strip()
    for size, suffix in SUFFIXES:
        if abs(value) >= size and (size >= 1 or unit in UNITS):
            return f"{value / size:.3g} {suffix}{UNITS.get(unit, '')}".strip()
    return f"{value:.2g}"


def escaped(words):
    return words.replace("&", "&amp;").replace("<", "&lt;")


def name_of(labels, legend):
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), legend or "") or ", ".join(f"{key} {value}" for key, value in labels.items())


def asked(server, panel, since, until):
    """[(name, [(time, value)])] of the panel's series, those with the highest last value first."""
    found = []
    for target in panel["targets"]:
        expression = target["expr"].replace("$__rate_interval", "10s").replace("$__range", f"{SECONDS}s")
        data = server.ask("query_range", query=expression, start=since, end=until, step=STEP_SECONDS)["result"]
        for series in data:
            points = [(at, float(value)) for at, value in series["values"] if value not in ("NaN", "+Inf", "-Inf")]
            if points:
                found.append((name_of(series["metric"], target.get("legendFormat")), points))
    return sorted(found, key=lambda series: -series[1][-1][1])


def title(words, x, y, width):
    """Narrower when it is long."""
    squeezed = f' textLength="{width}" lengthAdjust="spacingAndGlyphs"' if 8 * len(words) > width else ""
    return f'<text x="{x}" y="{y}" class="title"{squeezed}>{escaped(words)}</text>'


class Frame:
    """A panel's place on the page."""

    def __init__(self, panel, gap):
        grid = panel["gridPos"]
        self.left, self.top = grid["x"] * COLUMN + 8, (grid["y"] - gap) * ROW + 8
        self.right, self.bottom = self.left + grid["w"] * COLUMN - 16, self.top + grid["h"] * ROW - 12
        self.unit = panel.get("fieldConfig", {}).get("defaults", {}).get("unit", "short")
        self.parts = [f'<rect class="frame" x="{self.left}" y="{self.top}" width="{self.right - self.left}" height="{self.bottom - self.top}"/>',
                      title(panel["title"], self.left + 8, self.top + 18, self.right - self.left - 16)]

    def draw_numbers(self, series):
        """A number for each series, at most three."""
        for index, (name, points) in enumerate(series[:3]):
            y = self.top + 46 + index * 22
            self.parts.append(text(self.left + 8, y, words_of(points[-1][1], self.unit), "number"))
            if len(series) > 1:
                self.parts.append(text(self.right - 8, y, escaped(name[:16]), anchor="end"))

    def draw_lines(self, series, since, until):
        shown = series[:SERIES_MAX]
        legend = 15 * len(shown)
        left, right, top, bottom = self.left + 52, self.right - 10, self.top + 32, self.bottom - legend - 8
        highest = max([value for _, points in shown for _, value in points] + [0]) or 1
        for share in (0, 0.5, 1):
            y = bottom - share * (bottom - top)
            self.parts.append(f'<line class="grid" x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>')
            self.parts.append(text(left - 6, y + 4, words_of(highest * share, self.unit), "small", "end"))
        for index, (name, points) in enumerate(shown):
            line = " ".join(f"{left + (at - since) / (until - since) * (right - left):.1f},{bottom - max(value, 0) / highest * (bottom - top):.1f}" for at, value in points)
            self.parts.append(f'<polyline fill="none" stroke="{COLORS[index]}" stroke-width="1.8" points="{line}"/>')
            y = self.bottom - legend + 15 * index + 6
            self.parts.append(f'<rect x="{left}" y="{y - 8}" width="10" height="3" fill="{COLORS[index]}"/>')
            self.parts.append(text(left + 16, y - 2, escaped(name[:52]), "small"))
            self.parts.append(text(right, y - 2, words_of(points[-1][1], self.unit), "small", "end"))


def drawing(server, dashboard, since, until):
    frames = []
    top = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"] if panel["gridPos"]["y"] == 0)
    below = min((panel["gridPos"]["y"] for panel in dashboard["panels"] if panel["gridPos"]["y"] > 0), default=top)
    for panel in dashboard["panels"]:
        gap = below - top if panel["gridPos"]["y"] >= below else 0  # Grafana leaves none
        frame, series = Frame(panel, gap), asked(server, panel, since, until)
        if not series:
            frame.parts.append(text(frame.left + 8, frame.top + 46, "nothing", "small"))
        elif panel["type"] == "stat":
            frame.draw_numbers(series)
        else:
            frame.draw_lines(series, since, until)
        frames.append(frame)
    height = max(frame.bottom for frame in frames) + 12
    style = STYLE + "\n.frame { fill: none; stroke: #d0d7de } .small { font-size: 11px } .number { font-size: 20px; font-weight: 600; fill: #0969da }"
    parts = "\n".join(part for frame in frames for part in frame.parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img">\n<title>{escaped(dashboard["title"])}</title>\n<style>{style}</style>\n{parts}\n</svg>\n'


def look_at_seats(url, is_over):
    """People who look at the map of the first event, again and again."""
    while not is_over.wait(0.05):
        with contextlib.suppress(OSError, KeyError, IndexError):
            event_id = json.load(urllib.request.urlopen(f"{url}/v1/events", timeout=5))["data"][-1]["event_id"]
            for path in ("", "/seats?limit=500", "/availability"):
                urllib.request.urlopen(f"{url}/v1/events/{event_id}{path}", timeout=5).read()


def on_sale(api):
    """Purchases at a steady rate; in the middle a crowd that finds everything sold."""
    is_over = threading.Event()
    crowd = threading.Thread(target=look_at_seats, args=(api.url, is_over))
    crowd.start()
    buying = api.start_load("flow", 32, "--rate", "150", "--check", "none", seconds=SECONDS)
    time.sleep(SECONDS / 3)
    report_of(api.start_load("soldout", 16, "--rate", "300", "--check", "none", seconds=SECONDS // 4))
    report_of(buying)
    is_over.set()
    crowd.join()


def main():
    folder = ROOT / "docs" / "dashboards"
    folder.mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        db, url = stack.enter_context(database()), stack.enter_context(broker.broker())
        common = {"CRDB_DSN": db.dsn, "RABBIT_URL": url, "REDIS_ADDR": stack.enter_context(redis.server()).address, "HOLD_TTL": "20s", "ORDER_TTL": "30s"}
        servers = {name: stack.enter_context(program(name, **common)) for name in ("tro-api", "tro-expiry-worker", "tro-outbox-publisher")}
        scraper = stack.enter_context(prometheus.server([(name, int(server.url.rsplit(":", 1)[1])) for name, server in servers.items()]))
        began = time.time()
        on_sale(servers["tro-api"])
        for path in sorted((ROOT / "deploy" / "grafana").glob("*.json")):
            (folder / f"{path.stem}.svg").write_text(drawing(scraper, json.loads(path.read_text()), began, time.time()))
            say(f"docs/dashboards/{path.stem}.svg")


if __name__ == "__main__":
    main()
