# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""What a host is made to do: the same steps in the same order for every tool, drawn from a seed."""

import dataclasses
import random

THRESHOLD = 0.05
LENGTHS = [0.052, 0.055, 0.080, 0.150, 0.400, 3.0]
LONG = 3.0
# Not a block: nothing may be reported of it.
HARMLESS = 0.040
FLOODS = [(10, 0.030), (1000, 0.0005)]
KINDS = ["sleep", "cpu", "lock"]
# Seconds between two steps: long enough for a tool that looks every 100 ms to see that the block is over.
GAP = (0.12, 0.28)
# A healthy loop: so often a job that computes for so long.
PULSE_PERIOD, PULSE_WORK = 0.01, 0.001


@dataclasses.dataclass(frozen=True)
class Step:
    """`what` is block, flood, healthy, loaded or idle; `pause` is how long to wait before it."""

    what: str
    identifier: str
    pause: float
    seconds: float
    kind: str = ""
    count: int = 1

    def command(self):
        """The line for the host."""
        if self.what == "block":
            return f"block {self.identifier} {self.kind} {self.seconds}"
        if self.what == "flood":
            return f"flood {self.identifier} {self.kind} {self.seconds} {self.count}"
        return f"pulse {self.identifier} {self.seconds} {PULSE_PERIOD} {PULSE_WORK}"


@dataclasses.dataclass(frozen=True)
class Size:
    """How much of everything a round has."""

    repetitions: int
    lengths: tuple
    harmless: tuple
    floods: tuple
    flood_kinds: tuple
    idle: float
    healthy: float
    loaded: float


WHOLE = Size(2, tuple(LENGTHS), (HARMLESS,), tuple(FLOODS), ("sleep", "cpu"), 12, 3, 3)
QUICK = Size(1, (0.080, 0.400), (), ((1000, 0.0005),), ("cpu",), 0, 1, 0)


# Everything is done once before it counts: names are read, memory is there. Then so long a pause, in seconds.
WARM_UP = [Step("block", "warm", 0.1, 0.1, kind) for kind in KINDS]
SETTLE = 1.0
# Seconds that a turn at being idle takes, after a block and a pause in which its code's names are read.
IDLE_TURNS, IDLE_TURN, IDLE_TURN_PAUSE = 5, 8, 2


def plan(seed, round_number, size):
    """The steps of a round."""
    generator = random.Random(f"{seed}/{round_number}")
    drafts = [
        ("block", length, kind, 1)
        for length in size.lengths
        for kind in KINDS
        for _ in range(1 if length == LONG else size.repetitions)
    ]
    drafts += [("block", length, kind, 1) for length in size.harmless for kind in KINDS]
    drafts += [("flood", length, kind, count) for count, length in size.floods for kind in size.flood_kinds]
    generator.shuffle(drafts)
    steps = [
        Step(what, f"{round_number}.{number}", round(generator.uniform(*GAP), 4), length, kind, count)
        for number, (what, length, kind, count) in enumerate(drafts)
    ]
    # Idle after the blocks: names of code may still be read for a while after the first ones.
    ends = [("idle", size.idle), ("healthy", size.healthy), ("loaded", size.loaded)]
    return steps + [Step(what, f"{round_number}.{what}", 0.5, seconds) for what, seconds in ends if seconds]
