#!/usr/bin/env python3
"""Measures how src/ is built: prints the figures, and fails on a function of 70 lines, a file of more than 600, or includes in a circle.

A .c with its .h counts as one file of the circles: that a header and its body know each other is no circle. Folders count as well.
"""

import pathlib
import re
import sys

LINES_MAX = 600
FUNCTION_LINES = 70
# What decides what is sold, and what stores it and carries it on: at least one assertion a function, on average of each of these with its folders.
ASSERTING = ("domain", "state", "app", "pipeline", "adapters")
ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = sorted(path for folder in ("src", "cmd") for path in (ROOT / folder).rglob("*.[ch]"))
INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)


def unit(path):
    """src/http/loop.c and src/http/loop.h are http/loop."""
    return str(path.relative_to(ROOT / path.relative_to(ROOT).parts[0]).with_suffix(""))


def circles(graph):
    """The strongly connected parts of more than one member (Tarjan's algorithm)."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            part = stack[stack.index(node):]
            del stack[stack.index(node):]
            if len(part) > 1:
                found.append(sorted(part))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def functions_of(text):
    """The lines of each function, its signature included. The layout makes a function: a brace alone in the first column opens it."""
    start, inside = 0, False
    for number, line in enumerate(text.split("\n")):
        if inside and line.startswith("}"):
            yield number - start + 1
            inside = False
        elif not inside and line.startswith("{"):
            inside = True
        elif not inside and re.match("[a-z]", line):
            start = number


def main():
    files, folders, functions, assertions, long, failed = {}, {}, {}, {}, 0, False
    for path in SOURCES:
        text = path.read_text()
        lines = text.count("\n")
        if lines > LINES_MAX:
            print(f"{path.relative_to(ROOT)}: {lines} lines")
            failed = True
        name, folder = unit(path), str(pathlib.PurePath(unit(path)).parent)
        for include in INCLUDE.findall(text):
            other = str(pathlib.PurePath(include).with_suffix(""))
            if other != name:
                files.setdefault(name, set()).add(other)
            if str(pathlib.PurePath(other).parent) != folder:
                folders.setdefault(folder, set()).add(str(pathlib.PurePath(other).parent))
        if path.suffix == ".c":
            lengths = list(functions_of(text))
            long += sum(length >= FUNCTION_LINES for length in lengths)
            functions[folder] = functions.get(folder, 0) + len(lengths)
            assertions[folder] = assertions.get(folder, 0) + len(re.findall(r"\bassert\(", text))
    for what, graph in (("files", files), ("folders", folders)):
        found = circles(graph)
        for part in found:
            print(f"includes in a circle: {', '.join(part)}")
        print(f"includes in a circle between {what}: {len(found)}")
        failed |= bool(found)
    print(f"files of more than {LINES_MAX} lines: {sum(path.read_text().count(chr(10)) > LINES_MAX for path in SOURCES)} of {len(SOURCES)}")
    print(f"functions of {FUNCTION_LINES} lines and more: {long} of {sum(functions.values())}")
    failed |= long > 0
    for folder in sorted(functions):
        if functions[folder]:
            print(f"assertions a function: {assertions[folder] / functions[folder]:.2f} in {folder} ({functions[folder]} functions)")
    for top in ASSERTING:
        of_top = [folder for folder in functions if folder.split("/")[0] == top]
        count, asserted = sum(functions[folder] for folder in of_top), sum(assertions[folder] for folder in of_top)
        if asserted < count:
            print(f"{top}: {asserted} assertions in {count} functions, which is less than one a function")
            failed = True
    print(f"assertions a function: {sum(assertions.values()) / sum(functions.values()):.2f} in all ({sum(functions.values())} functions)")
    return failed


if __name__ == "__main__":
    sys.exit(main())
