#!/usr/bin/env python3
"""Counts faults that make comments hard to read: sentences that hide their subject behind "what", "who" or "whoever", and words that mean something
else here than in the field. Prints the figures, and fails on any."""

import pathlib
import re
import sys

FOLDERS = ("src", "cmd", "tests")
ROOT = pathlib.Path(__file__).resolve().parent.parent
COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*', re.S)
# "What is left is dropped", "Whose holds are meant", "x.h: who may go on", "the order is what the events say".
INVERTED = re.compile(r"^(?:what|whatever|who|whoever|whose|whom|that which|how often|how late)\b|\b(?:is|are|was|were) what\b|\bwhoever\b", re.I)
METAPHORS = {
    r"(?<!in )flights?": "batch in flight",
    r"takes? off the ground|took off|land(?:s|ed)?": "dispatched, committed",
    r"annex(?:es)?": "overlay",
    r"strikes?|struck": "expire",
    r"desks?": "operator session",
    r"clerks?|couriers?": "the name of the thing",
    r"rooms": "modules",
}


def comments(text):
    """Each comment with its line, without the asterisks."""
    for match in COMMENT.finditer(text):
        if match[0].startswith("/"):
            plain = re.sub(r"^/[/*]+|\*/$|\n\s*\*", " ", match[0])
            yield text.count("\n", 0, match.start()) + 1, " ".join(plain.split())


def sentences(comment):
    """Without questions, and "x.h: what it is for" as two."""
    return [sentence for sentence in re.split(r"(?<=[.!?:;])\s+", comment) if not sentence.endswith("?")]


def main():
    failed = False
    for folder in FOLDERS:
        found = []
        for path in sorted((ROOT / folder).rglob("*.[ch]")):
            for line, comment in comments(path.read_text()):
                place = f"{path.relative_to(ROOT)}:{line}"
                found += [f"{place}: {sentence}" for sentence in sentences(comment) if INVERTED.search(sentence)]
                for word, better in METAPHORS.items():
                    for match in re.finditer(rf"\b(?:{word})\b", comment, re.I):
                        print(f'{place}: "{match[0]}": say {better}')
                        failed = True
        if found:
            print("\n".join(found))
            failed = True
        print(f"sentences without a subject: {len(found)} in {folder}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
