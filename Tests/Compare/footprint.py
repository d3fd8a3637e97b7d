#!/usr/bin/env python3
# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""Measures what Loopwatch adds to a host that does nothing: memory, threads, start-up time, size on disk.

    footprint.py [--rounds N] [--markdown] [--no-build] [--no-static]
    footprint.py --quick           few rounds, nothing linked statically: half a minute

The same small host (two event loops, a queue, some tasks) without Loopwatch; linked with it and not started; with what
`Loopwatch.start()` starts; with everything on, its loops and the main actor too; and that after a block was reported, when
what names its code is in memory. Start-up is from starting the program until it says that it is ready; they take turns, and
"again" is the host without Loopwatch once more: the noise. Sizes are of optimised programs without symbols.

Takes four minutes, and two builds of some minutes the first time.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import resources  # noqa: E402
from building import build  # noqa: E402
from hosts import BINARY, PACKAGES, ROOT, outside  # noqa: E402
from telling import say, table  # noqa: E402

PLAIN, WATCHED = PACKAGES / "release/footprint-plain", PACKAGES / "release/footprint-watched"
# By name: the program and its argument, its environment, and whether a block comes before memory is read.
HOSTS = {
    "without Loopwatch": (PLAIN, None, {}, False),
    "again": (PLAIN, None, {}, False),
    "linked, not started": (WATCHED, "linked", {}, False),
    "default": (WATCHED, "default", {}, False),
    "default, no stacks": (WATCHED, "default", {"LOOPWATCH_STACKS": "off"}, False),
    "default, pool by beats": (WATCHED, "default", {"LOOPWATCH_ACCOUNTING": "off"}, False),
    "everything on": (WATCHED, "everything", {}, False),
    "and a block was reported": (WATCHED, "everything", {}, True),
    "likewise, no stacks": (WATCHED, "everything", {"LOOPWATCH_STACKS": "off"}, True),
}
BASE = next(iter(HOSTS))
STATIC = ROOT / ".build-static"
STATIC_OPTIONS = ["--static-swift-stdlib", "-Xlinker", "-z", "-Xlinker", "noexecstack"]


class Run:
    """One run of a host."""

    def __init__(self, program, argument, environment):
        began = time.monotonic()
        self.child = subprocess.Popen(
            [program, *([argument] if argument else [])], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, env={**os.environ, "LOOPWATCH_LISTEN": "127.0.0.1:0", **environment},
        )
        if self.child.stdout.readline() != "READY\n":
            self.end()
            raise outside.Failure(f"{program.name} did not start")
        self.milliseconds = (time.monotonic() - began) * 1000
        self.pid = self.child.pid

    def block(self):
        self.child.stdin.write("block\n")
        self.child.stdin.flush()
        self.child.stdout.readline()

    def end(self):
        self.child.stdin.close()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()


def measure_start(rounds):
    """Milliseconds until each host is ready, by name; they take turns, and nobody is always the first."""
    names = [name for name, (*_, blocks) in HOSTS.items() if not blocks]
    times = {name: [] for name in names}
    for number in range(rounds + 1):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            run = Run(*HOSTS[name][:-1])
            run.end()
            # Of the first ones the files are read.
            if number > 0:
                times[name].append(run.milliseconds)
    return times


def measure_memory(rounds, settle):
    """Memory and threads of each host, by name."""
    found = {name: [] for name in HOSTS}
    for _ in range(rounds):
        runs = {}
        try:
            for name, (*how, _) in HOSTS.items():
                runs[name] = Run(*how)
            time.sleep(settle)
            for name, (*_, blocks) in HOSTS.items():
                if blocks:
                    runs[name].block()
            time.sleep(1.5)
            for name, run in runs.items():
                found[name].append((resources.memory(run.pid), resources.threads(run.pid)))
        finally:
            for run in runs.values():
                run.end()
    return found


def hosts_table(options):
    starts, memories = measure_start(options.starts), measure_memory(options.rounds, options.settle)
    rows = [[
        "host", "PSS KiB", "more", "anonymous KiB", "more", "RSS KiB", "threads", "more", "start-up ms", "more", "quartiles",
    ]]

    def median(name, member):
        return statistics.median(getattr(memory, member) for memory, _ in memories[name])

    for name in HOSTS:
        row = [name]
        for member in ("proportional", "anonymous"):
            row += [f"{median(name, member):.0f}", f"{median(name, member) - median(BASE, member):+.0f}"]
        threads = statistics.median(count for _, count in memories[name])
        row += [f"{median(name, 'resident'):.0f}", f"{threads:.0f}"]
        row.append(f"{threads - statistics.median(count for _, count in memories[BASE]):+.0f}")
        if name in starts:
            more = [own - base for own, base in zip(starts[name], starts[BASE])]
            quartiles = statistics.quantiles(more, n=4) if len(more) > 1 else [more[0]] * 3
            row += [
                f"{statistics.median(starts[name]):.2f}", f"{statistics.median(more):+.2f}",
                "-" if name == BASE else f"{quartiles[0]:+.2f}...{quartiles[2]:+.2f}",
            ]
        else:
            row += ["-"] * 3
        rows.append(row)
    return rows


def sizes_table(options):
    """Sizes on disk, without symbols."""
    programs = [("host without Loopwatch", PLAIN), ("host with it", WATCHED), ("loopwatch", BINARY)]
    if not options.no_static:
        programs.append(("loopwatch", STATIC / "release/loopwatch"))
    rows = [["program", "Swift's libraries", "KB without symbols", "KB as built"]]
    with tempfile.TemporaryDirectory(prefix="loopwatch-footprint-") as folder:
        for label, program in programs:
            stripped = pathlib.Path(folder) / "stripped"
            subprocess.run(["strip", "--strip-all", "-o", stripped, program], check=True)
            linkage = "shared" if b"libswiftCore.so" in program.read_bytes() else "within"
            size = stripped.stat().st_size
            rows.append([label, linkage, f"{size / 1e3:.0f}", f"{program.stat().st_size / 1e3:.0f}"])
    return rows


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, help="runs of each host for its memory")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--no-build", action="store_true")
    parser.add_argument("--no-static", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 10)
    options.starts, options.settle = (10, 3) if options.quick else (100, 5)
    options.no_static = options.no_static or options.quick
    return options


def main():
    options = arguments()
    if not shutil.which("strip"):
        raise outside.Failure("strip is not installed (binutils)")
    if not options.no_build:
        build("Benchmarks", "footprint-plain")
        build("Benchmarks", "footprint-watched")
        build(None, "loopwatch")
        if not options.no_static:
            build(None, "loopwatch", *STATIC_OPTIONS, scratch=STATIC)
    say(table(hosts_table(options), options.markdown))
    say("\n" + table(sizes_table(options), options.markdown))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (outside.Failure, subprocess.CalledProcessError, OSError) as problem:
        print(f"footprint.py: {problem}", file=sys.stderr)
        sys.exit(2)
