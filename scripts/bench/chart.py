"""Throughput and latency over the number of connections, as an SVG that reads well on light and on dark pages."""

import math

WIDTH, HEIGHT = 888, 350
TOP, BOTTOM = 64, 302
PANELS = ((64, 424), (500, 868))  # left and right edges
STYLE = """
text { font: 13px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #57606a }
.title { font-weight: 600; fill: #24292f }
.grid { stroke: #d0d7de; stroke-width: 1 }
.limit { stroke: #8c959f; stroke-width: 1.5; stroke-dasharray: 6 5 }
.line { fill: none; stroke-width: 2.5; stroke-linejoin: round }
.one { stroke: #0969da } .two { stroke: #bc4c00 }
.dot.one, text.one { fill: #0969da; stroke: none } .dot.two, text.two { fill: #bc4c00; stroke: none }
@media (prefers-color-scheme: dark) {
text { fill: #9198a1 } .title { fill: #f0f6fc } .grid { stroke: #30363d } .limit { stroke: #767e88 }
.one { stroke: #4493f8 } .two { stroke: #f0883e } .dot.one, text.one { fill: #4493f8 } .dot.two, text.two { fill: #f0883e }
}"""


class Panel:
    """A plot whose places on the horizontal axis are evenly spaced, one for each number of connections."""

    def __init__(self, edges, title, places, lowest, highest, is_logarithmic=False):
        self.left, self.right = edges
        self.places = places
        self.scale = math.log10 if is_logarithmic else float
        self.lowest, self.highest = self.scale(lowest), self.scale(highest)
        self.parts = [text(self.left - 44, 24, title, "title")]
        for index, place in enumerate(places):
            self.parts.append(text(self.x(index), BOTTOM + 20, f"{place:,}", anchor="middle"))
        self.parts.append(text((self.left + self.right) / 2, BOTTOM + 40, "connections", anchor="middle"))

    def x(self, index):
        return self.left + 16 + (self.right - self.left - 32) * index / (len(self.places) - 1)

    def y(self, value):
        return BOTTOM - (self.scale(value) - self.lowest) / (self.highest - self.lowest) * (BOTTOM - TOP)

    def rule(self, value, label):
        y = self.y(value)
        self.parts.append(f'<line class="grid" x1="{self.left}" y1="{y:.1f}" x2="{self.right}" y2="{y:.1f}"/>')
        self.parts.append(text(self.left - 8, y + 4, label, anchor="end"))

    def limit(self, value, label, anchor="start"):
        y = self.y(value)
        self.parts.append(f'<line class="limit" x1="{self.left}" y1="{y:.1f}" x2="{self.right}" y2="{y:.1f}"/>')
        self.parts.append(text(self.left + 8 if anchor == "start" else self.right - 8, y - 6, label, anchor=anchor))

    def line(self, values, name, label, distance=-12):
        """The label is so far below the last point."""
        points = [(self.x(index), self.y(value)) for index, value in enumerate(values)]
        self.parts.append(f'<polyline class="line {name}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>')
        self.parts += [f'<circle class="dot {name}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in points]
        x, y = points[-1]
        self.parts.append(text(x, y + distance, label, name, "end"))


def text(x, y, words, name="", anchor="start"):
    attributes = (f' class="{name}"' if name else "") + (f' text-anchor="{anchor}"' if anchor != "start" else "")
    return f'<text x="{x:.0f}" y="{y:.0f}"{attributes}>{words}</text>'


def round_up(value):
    """To 1, 2 or 5 with zeros."""
    power = 10 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)


def throughput(places, rates, plain, batches):
    step = round_up(max(*rates, batches) / 5)
    highest = step * math.ceil(max(*rates, batches) * 1.08 / step)
    panel = Panel(PANELS[0], "Holds a second", places, 0, highest)
    for value in range(0, int(highest) + 1, int(step)):
        panel.rule(value, f"{value:,}")
    panel.limit(batches, "b: written in batches of 64 by pgbench")
    panel.limit(plain, "a: one transaction for each, by pgbench", "end")
    panel.line(rates, "one", "over HTTP")
    return panel


def latency(places, medians, tails):
    highest, lowest = round_up(max(tails) * 1.2), 10 ** math.floor(math.log10(min(medians)))
    panel = Panel(PANELS[1], "Latency in milliseconds", places, lowest, highest, is_logarithmic=True)
    value = lowest
    while value <= highest:
        panel.rule(value, f"{value:g}")
        value *= 10
    panel.line(tails, "two", "p99")
    panel.line(medians, "one", "p50", 22)
    return panel


def draw(results):
    holds = {connections: report["steps"]["hold"] for connections, report in results["holds"].items()}
    places, steps = list(holds), list(holds.values())
    panels = (throughput(places, [step["per_second"] for step in steps], results["plain"], results["batches"]),
              latency(places, [step["p50_ms"] for step in steps], [step["p99_ms"] for step in steps]))
    parts = "\n".join(part for panel in panels for part in panel.parts)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">\n'
            f"<title>Holds a second and their latency, by the number of connections</title>\n<style>{STYLE}\n</style>\n{parts}\n</svg>\n")
