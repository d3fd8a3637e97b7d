#!/usr/bin/env python3
# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""Measures what watching costs with very many targets, threads and stalls, and how scrapes are answered under them.

    scale.py [--only targets,stalls,attack] [--seconds N] [--markdown] [--no-build]
    scale.py --quick           a few sizes, briefly: 40 seconds

targets: loops, Dispatch queues, pools by beats and metered, and threads of the host that hand jobs to Swift's pool, each in
several numbers, idle and with ten short jobs a second. A host without Loopwatch runs beside each with it: what is told is
the difference, for each target where there are many. CPU: of Loopwatch's own threads, and what the host has more.
stalls: one host has 1 to 100,000 stalls, on 1,024 different stacks; what it remembers is bounded by Limits.swift, so memory
and answers must not grow any more. attack: every target is blocked, and stalls come at 1,000 a second besides; meanwhile it
is scraped each 50 ms, and in between a fixed calculation that takes as long is timed: what the machine makes of that.

Takes 16 minutes, and wants a machine that does nothing else. Ends with 1 where a scrape is not answered, or memory grows
with what is forgotten.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import resources  # noqa: E402
from building import build  # noqa: E402
from hosts import PACKAGES, LineProcess, outside  # noqa: E402
from telling import say, table  # noqa: E402

# What is required of a scrape while everything is blocked, in milliseconds.
SCRAPE_P99_MOST = 5.0
# By how much the cost for each target may be above that of a tenth as many, and memory above that of a tenth of the stalls.
FLAT = 1.25
MEMORY_GROWTH_MOST = 1.05
STALLS = [1, 10, 100, 1_000, 10_000, 100_000]
KINDS = {"loops": "loops", "queues": "queues", "pools": "pools", "meters": "metered pools", "threads": "foreign threads"}

TARGET_HEADINGS = [
    "targets", "jobs", "own CPU ms to start", "own CPU %", "host CPU % more", "own us a s each", "PSS MiB more", "KiB each", "threads more",
    "scrape ms: median", "p99", "KB", "us each", "KB each",
]
STALL_HEADINGS = [
    "stalls", "a second", "counted", "found", "own CPU %", "PSS MiB", "anonymous MiB", "RSS MiB", "warnings kept", "stacks",
    "scrape ms: median", "p99", "KB", "/status ms", "KB", "/warnings ms", "KB",
]
ATTACK_HEADINGS = [
    "while", "stalls a second", "own CPU %", "by thread", "answers", "scrape ms: median", "p99", "worst",
    "a calculation ms: median", "p99", "KB", "/livez ms: p99", "PSS MiB",
]


class Host:
    """A scale-host: what has been said, and what it takes."""

    def __init__(self, arguments):
        self.lines = []
        self.process = LineProcess([PACKAGES / "release/scale-host", *arguments], lambda _, line: self.lines.append(line))
        self.pid = self.process.pid

    def start(self):
        ready = self.until("READY", 60)
        self.port = int(ready.split()[1])
        return self

    def until(self, word, seconds):
        def attempt():
            self.process.alive()
            if wrong := [line for line in self.lines if line.startswith(("PROBLEM", "UNKNOWN"))]:
                raise outside.Failure(f"scale-host: {wrong[0]}")
            return next((line for line in self.lines if line.startswith(word)), None)

        return outside.eventually(f"{word} of scale-host", seconds, attempt)

    def perform(self, command, seconds=300):
        self.lines.clear()
        self.process.say(command)
        self.until(f"DONE {command}", seconds)
        return list(self.lines)

    def end(self):
        self.process.child.stdin.close()
        self.process.end()


class Use:
    """What a host used in a stretch of time."""

    def __init__(self, host):
        self.host = host
        self.began = time.monotonic()
        self.cpu, self.threads = resources.cpu_seconds(host.pid), resources.own_threads(host.pid)
        self.own = sum(seconds for _, seconds in self.threads.values())

    def end(self):
        seconds = time.monotonic() - self.began
        self.cpu = (resources.cpu_seconds(self.host.pid) - self.cpu) / seconds
        self.own = (resources.own_cpu_seconds(self.host.pid) - self.own) / seconds
        shares = {}
        for thread, (name, used) in resources.own_threads(self.host.pid).items():
            shares[name] = shares.get(name, 0) + (used - self.threads.get(thread, (name, 0))[1]) / seconds
        self.by_thread = ", ".join(f"{name.removeprefix(resources.OWN)} {share * 100:.1f}" for name, share in shares.items())
        return self


def kilobytes(count):
    return f"{count / 1e3:.1f}"


def measure_targets(kind, count, rate, options, problems):
    """The row of one number of targets."""
    arguments = [f"{kind}={count}", f"rate={rate}"]
    hosts = []
    try:
        for mode in ("bare", "watched"):
            hosts.append(Host([mode, *arguments]))
        bare, watched = (host.start() for host in hosts)
        time.sleep(options.settle)
        started = resources.own_cpu_seconds(watched.pid)
        uses = [Use(bare), Use(watched)]
        time.sleep(options.seconds)
        without, with_ = [use.end() for use in uses]
        memories = [resources.memory(host.pid) for host in (bare, watched)]
        threads = resources.threads(watched.pid) - resources.threads(bare.pid)
        hosts.pop(0).end()
        resources.ask(watched.port)
        answers = resources.ask(watched.port, count=options.scrapes)
    finally:
        for host in hosts:
            host.end()
    if answers.status != 200:
        problems.append(f"{count} {KINDS[kind]}: a scrape is answered with {answers.status}: {answers.body[:120]}")
    more = memories[1].proportional - memories[0].proportional
    cells = [
        f"{count} {KINDS[kind]}", "idle" if rate == 0 and kind != "threads" else "10 a s", f"{started * 1e3:.0f}", f"{with_.own * 100:.2f}",
        f"{(with_.cpu - with_.own - without.cpu) * 100:+.2f}", f"{with_.own * 1e6 / count:.1f}", f"{more / 1024:.1f}",
        f"{more / count:.1f}", str(threads), f"{answers.median:.2f}", f"{answers.p99:.2f}", kilobytes(len(answers.body)),
        f"{answers.median * 1e3 / count:.1f}", kilobytes(len(answers.body) / count),
    ]
    say(f"{cells[0]}, {cells[1]}: {cells[3]} % of a core, a scrape {cells[9]} ms")
    return cells, with_.own / count, answers.median / count


def scale_targets(options, problems):
    if options.quick:
        plan = [("loops", 10, 0), ("loops", 1_000, 0), ("threads", 100, 0)]
    else:
        plan = [(kind, count, rate) for kind in ("loops", "queues") for rate in (0, 10) for count in (1, 10, 100, 1_000)]
        plan += [(kind, count, rate) for kind in ("pools", "meters") for rate in (0, 10) for count in (1, 4, 16, 63)]
        plan += [("threads", count, 0) for count in (1, 10, 100, 500)]
    rows, costs, verdicts = [TARGET_HEADINGS], {}, []
    for kind, count, rate in plan:
        cells, cpu, scrape = measure_targets(kind, count, rate, options, problems)
        rows.append(cells)
        costs[kind, count, rate] = cpu, scrape
        if (kind, count // 10, rate) in costs and count >= 1_000:
            before = costs[kind, count // 10, rate]
            for what, now, then in zip(("CPU", "a scrape"), (cpu, scrape), before):
                verdicts.append((
                    f"{what} for each of {count} {KINDS[kind]}{', busy' if rate else ''} is at most {FLAT} times that for "
                    f"each of {count // 10}: {now / then:.2f}", now <= then * FLAT,
                ))
    return rows, verdicts


def scale_stalls(options, problems):
    """What is remembered of very many stalls."""
    counts = [1, 1_000, 3_000] if options.quick else STALLS
    loops, rate = 64, 1_000
    rows, memories = [STALL_HEADINGS], {}
    host = Host(["watched", f"loops={loops - 1}", "threshold=5", "burst=1000000"])
    try:
        host.start()
        # What is read of names when the first stall comes is read.
        host.perform("stalls 20 20 60")
        before = counted = resources.total(resources.ask(host.port).body, "loopwatch_loop_blocks_total")
        done = 0
        for count in counts:
            use, began = Use(host), time.monotonic()
            host.perform(f"stalls {count - done} {rate} 60")
            seconds = time.monotonic() - began
            use.end()
            time.sleep(options.settle)
            memory = memories[count] = resources.memory(host.pid)
            answers = {path: resources.ask(host.port, path, options.scrapes if path == "/metrics" else 3)
                       for path in ("/metrics", "/status", "/warnings?limit=100")}
            body = answers["/metrics"].body
            counted = resources.total(body, "loopwatch_loop_blocks_total") - before
            kept = json.loads(resources.ask(host.port, "/warnings?limit=1024").body or "{}")
            for path, answer in answers.items():
                if answer.status != 200:
                    problems.append(f"after {count} stalls {path} is answered with {answer.status}")
            rows.append([
                str(count), f"{(count - done) / seconds:.0f}", f"{counted:.0f}", f"{counted / count * 100:.1f} %",
                f"{use.own * 100:.1f}", f"{memory.proportional / 1024:.1f}", f"{memory.anonymous / 1024:.1f}",
                f"{memory.resident / 1024:.1f}", str(len(kept.get("warnings", []))),
                f"{resources.total(body, 'loopwatch_profile_stacks'):.0f}",
                f"{answers['/metrics'].median:.2f}", f"{answers['/metrics'].p99:.2f}", kilobytes(len(body)),
                *(cell for path in ("/status", "/warnings?limit=100")
                  for cell in (f"{answers[path].median:.2f}", kilobytes(len(answers[path].body)))),
            ])
            say(f"{count} stalls: {rows[-1][2]} counted, {rows[-1][5]} MiB")
            done = count
    finally:
        host.end()
    last, then = memories[counts[-1]], memories[counts[-2]]
    growth = last.proportional / then.proportional
    is_bounded = growth <= MEMORY_GROWTH_MOST
    text = (f"memory after {counts[-1]} stalls is at most {MEMORY_GROWTH_MOST} times that after {counts[-2]}: {growth:.3f}")
    # Three thousand fill what remembers; only after that it may be told whether it grows.
    if not is_bounded and not options.quick:
        problems.append("NOT bounded: " + text)
    return rows, [] if options.quick else [(text, is_bounded)]


def scrape_attacked(options, problems):
    """Scrapes while every target is blocked and stalls come."""
    rows, seconds = [ATTACK_HEADINGS], 4 if options.quick else 30
    host = Host(["watched", "loops=60", "queues=3", "pools=6", "meters=6", "threshold=5"])
    verdicts = []
    try:
        host.start()
        host.perform("stalls 20 20 40")
        time.sleep(options.settle * 2)

        # As long as a scrape takes, and between them: what this machine makes of anything that takes so long.
        calculate = resources.calculation(resources.ask(host.port, count=50).median)

        def row(name):
            before, use = resources.total(resources.ask(host.port).body, "loopwatch_loop_blocks_total"), Use(host)
            answers = resources.ask(host.port, count=int(seconds / 0.05 * 0.8), seconds_each=0.05, between=calculate)
            live = resources.ask(host.port, "/livez", count=int(seconds / 0.05 * 0.2), seconds_each=0.05)
            use.end()
            spent = time.monotonic() - use.began
            stalls = resources.total(resources.ask(host.port).body, "loopwatch_loop_blocks_total") - before
            for what, answer in (("/metrics", answers), ("/livez", live)):
                if answer.status != 200:
                    problems.append(f"{name}: {what} is answered with {answer.status}: {answer.body[:120]}")
            rows.append([
                name, f"{stalls / spent:.0f}", f"{use.own * 100:.1f}", use.by_thread, str(len(answers.milliseconds)),
                f"{answers.median:.2f}", f"{answers.p99:.2f}", f"{max(answers.milliseconds):.2f}",
                f"{statistics.median(answers.between):.2f}", f"{resources.quantile(answers.between, 0.99):.2f}",
                kilobytes(len(answers.body)), f"{live.p99:.2f}",
                f"{resources.memory(host.pid).proportional / 1024:.1f}",
            ])
            say(f"{name}: {rows[-1][1]} stalls a second, a scrape {answers.median:.2f} ms, p99 {answers.p99:.2f} ms")
            return answers

        row("idle")
        blocked = host.perform("block 20")
        say(f"blocked: {blocked[0]}")
        row("everything is blocked")
        host.lines.clear()
        host.process.say(f"stalls {int(1_000 * (seconds + 2))} 1000 40")
        time.sleep(1)
        answers = row("and 1,000 stalls a second")
        host.until("DONE", 120)
        host.perform("free")
        verdicts.append((
            f"99 of 100 scrapes under attack take at most {SCRAPE_P99_MOST:g} ms: {answers.p99:.2f} ms",
            answers.p99 <= SCRAPE_P99_MOST,
        ))
    finally:
        host.end()
    return rows, verdicts


PARTS = {"targets": scale_targets, "stalls": scale_stalls, "attack": scrape_attacked}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--seconds", type=float, help="for which each number of targets is measured")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--no-build", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    options.seconds = options.seconds or (1 if options.quick else 10)
    options.settle, options.scrapes = (0.5, 20) if options.quick else (3, 200)
    if unknown := set(options.only.split(",")) - set(PARTS):
        raise outside.Failure(f"--only: there is no {', '.join(sorted(unknown))}, only {', '.join(PARTS)}")
    return options


def main():
    options = arguments()
    if not options.no_build:
        build("Benchmarks", "scale-host")
    problems, verdicts, tables = [], [], []
    for name in options.only.split(","):
        rows, judged = PARTS[name](options, problems)
        tables.append(f"{name}\n" + table(rows, options.markdown))
        verdicts += judged
    say("\n" + "\n\n".join(tables) + "\n")
    for text, is_met in verdicts:
        say(f"{'met    ' if is_met else 'NOT MET'} {text}")
    for problem in problems:
        say("PROBLEM: " + problem)
    return 1 if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (outside.Failure, subprocess.CalledProcessError) as problem:
        print(f"scale.py: {problem}", file=sys.stderr)
        sys.exit(2)
