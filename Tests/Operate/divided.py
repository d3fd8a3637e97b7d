#!/usr/bin/env python3
# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""The files of config/prometheus with every duration divided by a number, so that what takes minutes takes seconds.

    divided.py [FACTOR]     prints the rules, for those who want to look at them

Only durations change: intervals, `for`, `keep_firing_for` and the ranges of expressions. Thresholds, and all else, stay.
"""

import collections
import pathlib
import re
import sys

CONFIG = pathlib.Path(__file__).resolve().parent.parent.parent / "config/prometheus"
FACTOR = 60
MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
# What may stand in front of a duration and after it.
PLACE = re.compile(
    r"^(?P<key>\s*(?:\w+_)?(?:interval|for|wait)): (?P<plain>\d+(?:ms|[smhd]))$|(?P<range>\[)(?P<ranged>\d+(?:ms|[smhd]))\]",
    re.MULTILINE,
)
DURATION = re.compile(r"(?<![\w.:])\d+(?:ms|[smhdwy])(?!\w)")


class Undivided(Exception):
    """A duration cannot be divided, or one was not found."""


def milliseconds(duration):
    """The length of a duration such as 10m."""
    number, unit = re.fullmatch(r"(\d+)(ms|[smhd])", duration).groups()
    return int(number) * MILLISECONDS[unit]


def places(text):
    """All durations of a text: what each is, and its length."""
    found = []
    for match in PLACE.finditer(text):
        kind = match["key"].strip() if match["key"] else "range"
        found.append((kind, milliseconds(match["plain"] or match["ranged"])))
    return found


def divide(text, factor, rounds=False):
    """The text with its durations divided; checks that they are all, and that nothing else has changed.

    With `rounds` a duration is rounded up to a millisecond, else it has to be a whole number of them.
    """

    def shorter(match):
        length = milliseconds(match["plain"] or match["ranged"])
        if length % factor and not rounds:
            raise Undivided(f"{match[0].strip()} is no multiple of {factor} ms")
        part = -(-length // factor)
        written = f"{part}ms" if part % 1_000 else f"{part // 1_000}s"
        return f"[{written}]" if match["range"] else f"{match['key']}: {written}"

    result = PLACE.sub(shorter, text)
    before, after = places(text), places(result)
    if [(kind, -(-length // factor)) for kind, length in before] != after:
        raise Undivided(f"{before} became {after}")
    if PLACE.sub("", text) != PLACE.sub("", result):
        raise Undivided("more than durations has changed")
    rest = re.sub(r"#.*|^\s*(summary|description):.*", "", PLACE.sub("", result), flags=re.MULTILINE)
    left = DURATION.findall(rest)
    if left:
        raise Undivided(f"these durations are not divided: {left}")
    return result


def summary(text, factor):
    """One line for each kind of duration: what became of it, and how often."""

    def written(length):
        return f"{length / 1_000:g}s"

    counts = collections.Counter(places(text))
    return [
        f"{kind}: {written(length)} -> {written(-(-length // factor) if length % factor else length // factor)}, {count} times"
        for (kind, length), count in sorted(counts.items())
    ]


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else FACTOR
    print(divide((CONFIG / "loopwatch.rules.yml").read_text(), number), end="")
