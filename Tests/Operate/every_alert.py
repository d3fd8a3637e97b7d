#!/usr/bin/env python3
# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""Has every alert of config/prometheus fire and clear: `alerts.py --all PROGRAM`.

Each alert has a situation, made by the real program: its demo, driven over its own ports or with its own settings, or the
program beside a small target. All run at once, each with an endpoint of its own, under one real Prometheus with the real
rules, whose durations alone are divided (divided.py). A situation lasts until Alertmanager has told of its alerts, is then
relieved, and its alerts have to clear and to be told as resolved. One process is healthy: nothing may be told of it. Runs as
root, for the sake of one program with a real-time priority, and wants two processors.
"""

import contextlib
import http.client
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

import divided
from alerts import ROOT, Failure, ask, eventually, expect, say
from bench import Bench, Repeated, Target

TROUBLED = ROOT / "Tests/Operate/troubled.py"
# What may be told of a healthy process on a machine that has no CPU to spare.
OF_MACHINE = {"LoopwatchMachineStarved", "LoopwatchWatchdogBlind"}
# Alerts that must fire in their own situation alone, whatever the machine does.
EXCLUSIVE = {
    "LoopwatchCallsInterrupted", "LoopwatchDown", "LoopwatchLoopBusyUnproven", "LoopwatchLoopCongested", "LoopwatchNothingWatched",
    "LoopwatchPartDown", "LoopwatchPoolAccountingFellBack", "LoopwatchPoolSaturated", "LoopwatchTargetsRejected",
}
# Names of its code are not what this is about; reading them costs each program a second of CPU.
LIGHT = {"LOOPWATCH_STACKS": "off", "LOOPWATCH_RESOLUTION": "50ms"}


def fixture(program):
    """The loop that obeys, built with the program or for the tests."""
    places = [folder / "CLoopFixture" for folder in (program.parent, ROOT / ".build/debug")]
    found = [place for place in places if place.exists()]
    expect(found, f"there is none of {', '.join(map(str, places))}: swift build --product CLoopFixture")
    return found[0]


class Situations:
    """What has to happen for each alert to fire; each function is one situation and runs until its alerts have cleared."""

    def __init__(self, test):
        self.test = test
        processors = sorted(os.sched_getaffinity(0))
        first, last = str(processors[0]), str(processors[-1])
        self.last = processors[-1]
        python = sys.executable
        test_folder = test.folder
        # A log that takes nothing, until it is led elsewhere.
        self.log = test_folder / "warnings.log"
        self.log.symlink_to("/dev/full")
        self.slow = test.demo("slow", LIGHT | {"LOOPWATCH_LOG": str(self.log), "LOOPWATCH_REPORT_BURST": "1"})
        self.critical = test.demo(
            "critical", LIGHT | {"LOOPWATCH_ERROR_THRESHOLD": "75ms", "LOOPWATCH_CRITICAL_THRESHOLD": "100ms"}, "--threshold", "60ms"
        )
        self.pools = test.demo("pools", LIGHT)
        self.reduced = test.demo("reduced", LIGHT | {"LOOPWATCH_LOOPS_LIMIT": "1", "LOOPWATCH_ACCOUNTING": "runs"})
        self.halted = test.demo("halted", LIGHT | {"LOOPWATCH_RESOLUTION": "100ms"})
        # Whatever else is busy, it gets its processor, but from who has real-time priority.
        self.starved = test.demo("starved", {"LOOPWATCH_STACKS": "off"}, before=["taskset", "-c", last, "nice", "-n", "-10"])
        self.eager = test.demo("eager", {"LOOPWATCH_RESOLUTION": "1ms"})
        self.daemon_target = [python, TROUBLED, "congested"]

        def configuration(listen):
            path = test_folder / "loopwatch.json5"
            path.write_text(f'{{ listen: "{listen}", threshold: "50ms", processes: [{{ command: "*{TROUBLED} congested" }}] }}')
            return str(path)

        self.daemon = test.add("daemon", ["run", "--config", configuration], job="loopwatch")
        self.busy = Target(test, python, TROUBLED, "busy")
        self.looking = test.attach("looking", self.busy, "--evidence", "polling", "--threshold", "50ms")
        self.full = Target(test, python, TROUBLED, "saturated")
        self.outside = test.attach("outside", self.full)
        # The two run at the same time only on processors of their own.
        self.turning = Target(test, "taskset", "-c", last, fixture(test.program))
        self.stopping = test.attach("stopping", self.turning, "--threshold", "5ms", before=["taskset", "-c", first])
        self.well = Target(test, python, TROUBLED, "busy")
        self.healthy = test.attach("healthy", self.well)

    def all(self):
        """All situations."""
        return [
            self.slow_handler, self.critical_blocks, self.held_thread, self.drained_pools, self.reduced_settings, self.stopped_process,
            self.starved_process, self.eager_watchdog, self.nothing_to_watch, self.unproven, self.saturated, self.interrupted_calls,
        ]

    def slow_handler(self):
        """Handlers that sleep, one after another, and a disk that is full."""
        slow = self.slow
        trouble = Repeated(lambda: slow.get("/sleep"))

        def repair():
            link = self.log.with_suffix(".new")
            link.symlink_to(self.test.folder / "repaired.log")
            link.replace(self.log)

        self.test.situation(
            "demo: /sleep without a pause, LOOPWATCH_REPORT_BURST=1, its log on a full disk", slow,
            [
                "LoopwatchLoopBlockedOften", "LoopwatchLoopLagHigh", "LoopwatchWarningsSuppressed", "LoopwatchEventsDropped",
                "LoopwatchPartDown",
            ],
            repair, trouble, since=0.0,
        )

    def critical_blocks(self):
        """Blocks that are critical, and end."""
        self.test.situation(
            "demo as it is, with LOOPWATCH_CRITICAL_THRESHOLD=100ms", self.critical,
            ["LoopwatchLoopBlockedNow", "LoopwatchLoopCriticalBlocks", "LoopwatchPoolStarvedNow"], since=0.0,
        )

    def held_thread(self):
        """One thread of the pool is held."""
        trouble = Repeated(lambda: self.critical.get("/executor/hold"))
        self.test.situation("demo: /executor/hold", self.critical, ["LoopwatchPoolThreadHeld"], trouble=trouble)

    def drained_pools(self):
        """Two pools without a free thread."""

        def drain():
            for _ in range(3):
                threading.Thread(target=self.pools.get, args=("/pool/drain",), daemon=True).start()
            time.sleep(0.8)

        trouble = Repeated(drain, lambda: self.pools.get("/executor/drain"))
        self.test.situation(
            "demo: /pool/drain and /executor/drain without a pause", self.pools,
            ["LoopwatchPoolStarvedOften", "LoopwatchPoolMostlyHeld", "LoopwatchPoolQueueWaitHigh", "LoopwatchPoolQueueDeep"],
            trouble=trouble,
        )

    def reduced_settings(self):
        """Fewer loops than there are, and less accounting than there could be, until it is started with more."""

        def restart():
            self.reduced.end()
            self.reduced.settings = LIGHT
            self.reduced.start()

        self.test.situation(
            "demo with LOOPWATCH_LOOPS_LIMIT=1 and LOOPWATCH_ACCOUNTING=runs, then without", self.reduced,
            ["LoopwatchTargetsRejected", "LoopwatchPoolAccountingFellBack"], restart, since=0.0,
        )

    def stopped_process(self):
        """The whole process is stopped again and again."""
        process = self.halted.child.child

        def stop():
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.25)
            process.send_signal(signal.SIGCONT)
            time.sleep(0.5)

        trouble = Repeated(stop)
        self.test.situation(
            "demo that gets SIGSTOP for a quarter of a second again and again", self.halted, ["LoopwatchWatchdogBlind"], trouble=trouble
        )

    def starved_process(self):
        """Someone else has the processor, for shorter than what the others call late."""
        other = Target(self.test, "taskset", "-c", str(self.last), sys.executable, TROUBLED, "greedy")
        trouble = contextlib.ExitStack()
        time.sleep(1)
        expect(other.child.poll() is None, "no process may have a real-time priority here: run it as root")
        trouble.callback(other.child.kill)
        trouble.end = trouble.close
        self.test.situation(
            "demo on one processor, which a program of real-time priority takes a third of the time", self.starved,
            ["LoopwatchMachineStarved"], trouble=trouble,
        )

    def eager_watchdog(self):
        """A watchdog that looks a thousand times a second at what is blocked all the time."""
        trouble = Repeated(*(lambda path=path: self.eager.get(path) for path in ("/sleep", "/executor/drain", "/pool/drain")))
        self.test.situation(
            "demo with LOOPWATCH_RESOLUTION=1ms, all of it blocked", self.eager, ["LoopwatchOverheadHigh"], trouble=trouble
        )

    def nothing_to_watch(self):
        """A daemon with nothing to watch, then with a loop that has too much to do, then gone."""
        found = []

        def start_target():
            found.append(Target(self.test, *self.daemon_target))
            found[0].tell("begin")

        self.test.situation(
            "run: none of its processes is there, then one is", self.daemon, ["LoopwatchNothingWatched"], start_target, since=0.0
        )
        trouble = contextlib.ExitStack()
        trouble.callback(found[0].tell, "end")
        trouble.end = trouble.close
        self.test.situation(
            "run: an asyncio loop with 200 short tasks at once, again and again", self.daemon, ["LoopwatchLoopCongested"],
            trouble=trouble,
        )
        begun = self.test.now()
        self.daemon.end()
        self.test.situation("run: ended, then started again", self.daemon, ["LoopwatchDown"], self.daemon.start, since=begun)

    def unproven(self):
        """A busy loop, looked at only."""
        self.busy.tell("begin")
        self.test.situation(
            "attach --evidence polling: an asyncio loop that is busy", self.looking, ["LoopwatchLoopBusyUnproven"],
            lambda: self.busy.tell("end"),
        )

    def saturated(self):
        """All threads of a pool are busy, and more work waits."""
        self.full.tell("begin")
        self.test.situation(
            "attach: a ThreadPoolExecutor of two threads with four work items", self.outside, ["LoopwatchPoolSaturated"],
            lambda: self.full.tell("end"),
        )

    def interrupted_calls(self):
        """Stops of a thread that is often just about to wait, of a process that leaves a signal waiting."""

        def turn():
            self.turning.tell("turns 20")
            time.sleep(0.06)

        trouble = Repeated(turn)
        self.test.situation(
            "attach: a loop that computes and waits in turn, while its process leaves a signal waiting", self.stopping,
            ["LoopwatchCallsInterrupted"], trouble=trouble,
        )


def table(rows):
    """Lines of a table."""
    head = ("alert", "situation", "fires after", "clears after", "Alertmanager told")
    cells = [head] + [(row[0], row[1], f"{row[2]:.1f} s", f"{row[3]:.1f} s", row[4]) for row in sorted(rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cells]


def run(program, folder):
    """Runs everything; returns the exit status."""
    rules = (divided.CONFIG / "loopwatch.rules.yml").read_text()
    names = set(re.findall(r"^\s*- alert: (\w+)$", rules, re.MULTILINE))
    say(f"loopwatch.rules.yml has {len(names)} alerts; divided by {divided.FACTOR}, and nothing else is changed:")
    for name in ("loopwatch.rules.yml", "prometheus.yml", "alertmanager.yml"):
        for line in divided.summary((divided.CONFIG / name).read_text(), divided.FACTOR):
            say(f"  {name}: {line}")
    test = Bench(program, pathlib.Path(folder))
    try:
        situations = Situations(test)
        test.start_prometheus()
        threading.Thread(target=test.look, daemon=True).start()
        count = len(test.programs)
        query = "/api/v1/query?query=count(up==1)"
        eventually(
            "all programs to be scraped", 60,
            lambda: (ask(test.port, query) or {}).get("data", {}).get("result", [{}])[0:1]
            and int(ask(test.port, query)["data"]["result"][0]["value"][1]) == count,
        )
        say(f"{test.now():6.1f} s  Prometheus scrapes all {count} programs four times a second")
        test.run(situations.all())
        missing = names - {row[0] for row in test.rows}
        expect(not missing, f"no situation has: {sorted(missing)}")
        loud = {key[:2] for _, _, key in test.events if key[1] == "healthy" and key[0] not in OF_MACHINE}
        expect(not loud, f"a healthy process should not be told of: {loud}")
        for alert in EXCLUSIVE:
            others = {key[1] for _, _, key in test.events if key[0] == alert}
            expect(len(others) == 1, f"{alert} fired of {sorted(others)}: one situation was meant")
        say("")
        for line in table(test.rows):
            say(line)
        say("")
        say(
            f"ok: {len(names)} of {len(names)} alerts fired and cleared in {test.now():.0f} s, by the real program, each told by "
            "Alertmanager from begin to end; nothing was told of a healthy process"
        )
        return 0
    except (Failure, divided.Undivided, OSError, ValueError, http.client.HTTPException, subprocess.SubprocessError) as failure:
        say(f"FAILED: {type(failure).__name__}: {failure}")
        for child in test.children:
            with contextlib.suppress(Failure):
                child.expect_alive()
        return 1
    finally:
        test.end()
