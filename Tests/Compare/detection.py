#!/usr/bin/env python3
# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""Compares what finds blocked event loops: ours and every other tool that runs here, on the same blocks in the same order.

    detection.py [--rounds N] [--only NAMES] [--seed S] [--markdown] [--keep FOLDER] [--no-build]
    detection.py --quick          ours and asyncio's debug mode, one short round; ends with 1 where ours misses a block
    detection.py --self-test      checks how reports are matched to blocks and counted

The threshold is 50 ms. Blocks of 52, 55, 80, 150, 400 ms and 3 s sleep, compute or wait for a lock, at times drawn from
the seed; of jobs of 40 ms nothing may be told. Floods are 10 jobs of 30 ms and 1000 of 0.5 ms, all ready at once. A healthy
loop has a job of 1 ms each 10 ms; the same on a loaded machine, with two processes that compute for each processor. Hosts
note the true length of each block inside of what blocks, by the monotonic clock; what a tool says of it is read where its
user reads it. Tools take turns in each round. What a tool cannot do by design is `-`. An oracle, a thread that is told when a
block begins and sleeps until the threshold, shows how soon a report can be there on this machine.

In the end those of ours with ten targets, and a bare 10 ms timer, are idle in turns, and are judged by the medians.

Takes 33 minutes with two rounds, and wants a machine that does nothing else. Needs Swift; tools for Python are installed
into .build-venv, each in the version that tools.py pins; node and redis-server where they are there. What cannot be had is
told as missing.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import matching  # noqa: E402
import scoring  # noqa: E402
import workload  # noqa: E402
from building import build  # noqa: E402
from hosts import BINARY, ROOT, outside, swift_host  # noqa: E402
from measuring import measure  # noqa: E402
from telling import say, table  # noqa: E402
from tools import BARE, NOTES, OURS, PEERS  # noqa: E402

HEADINGS = [
    "threshold 50 ms", "recall", "false", "loaded", "error ms: mean", "95th", "worst", "first report ms: mean", "worst",
    "3 s block: first", "reports", "floods named congestion", "idle CPU %",
]
LEGEND = """\
recall: blocks that were reported, of all lengths. false: reports of blocks where there was none, on a healthy loop, between
blocks and of jobs of 40 ms; loaded: on a loaded machine. error: of the length told last. first report: after the threshold was
crossed. floods: told as what they are; in brackets, how many were reported at all. idle CPU: of one core, of the watching
process, with what the host itself needs (see the bare ones)."""


def keep(folder, tool, round_number, host, score):
    """Keeps what was true and what was said, for who wants to know why."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        f"{stretch.what} {stretch.identifier} {stretch.kind} {stretch.began:.6f} {stretch.ended:.6f} "
        f"{stretch.seconds * 1000:.3f} ms"
        for stretch in host.stretches
    ]
    lines += ["REPORT " + json.dumps(told) for told in host.raw]
    lines += [f"MISSED {text}" for text in score.missed] + [f"FALSE {where} {group}" for where, group in score.false]
    (folder / f"{tool.name}-{round_number}.txt").write_text("\n".join(lines) + "\n")


def run(tool, score, steps, round_number, options):
    host = tool.make()
    try:
        host.start()
        idle, spans = measure(host, steps)
    except outside.Failure as problem:
        score.problems.append(f"{tool.name}: round {round_number} failed: {problem}")
        say(f"PROBLEM: {score.problems[-1]}")
        return
    finally:
        host.end()
    round_score = scoring.Score(tool)
    for target in (score, round_score):
        target.add(steps, host.stretches, host.reports, spans, idle)
    if options.keep:
        keep(options.keep, tool, round_number, host, round_score)


def idle_in_turns(tools, scores):
    """Measures what those of ours cost that have many targets and nothing to do, in turns with the timer."""
    block = workload.Step("block", "turn", 0.1, 0.1, "sleep")
    for turn in range(1, workload.IDLE_TURNS + 1):
        for tool in tools:
            idle = workload.Step("idle", f"turn.{turn}", workload.IDLE_TURN_PAUSE, workload.IDLE_TURN)
            host = tool.make()
            try:
                host.start()
                share, _ = measure(host, [idle] if tool in BARE else [block, idle])
                scores[tool.name].idle_turns.append(share)
            except outside.Failure as problem:
                scores[tool.name].problems.append(f"{tool.name}: turn {turn} at being idle failed: {problem}")
            finally:
                host.end()
    say(f"{workload.IDLE_TURNS} turns at being idle: {', '.join(tool.name for tool in tools)}")


def show(tools, scores, missing, options):
    """Prints the tables, and which requirements are met."""
    rows = [HEADINGS]
    for tool in tools:
        if tool.name in missing:
            rows.append([tool.label, "missing: " + missing[tool.name], *[""] * (len(HEADINGS) - 2)])
        else:
            rows.append(scores[tool.name].row())
    say("\n" + table(rows, options.markdown))
    say("\n" + LEGEND)
    letters = sorted({letter for tool in tools for letter in tool.notes})
    say("\n".join(f"[{letter}] {NOTES[letter]}" for letter in letters))
    lengths = sorted({length for score in scores.values() for length in score.by_length})
    rows = [["found, by length", *(f"{length * 1000:.0f} ms" for length in lengths)]]
    rows += [scores[tool.name].row_by_length(lengths) for tool in tools if tool.name in scores and tool not in BARE]
    say("\n" + table(rows, options.markdown))
    for tool in tools:
        score = scores.get(tool.name)
        if score and score.shortened:
            say(f"{tool.label}: {score.shortened} sleeps were cut short")
        if score and score.machine:
            say(f"{tool.label}: {score.machine} reports that lay it on the machine, not on the application")
        if score and tool.is_ours and score.flood_kinds:
            say(f"{tool.label}: floods told otherwise: {', '.join(score.flood_kinds)}")
    timer = scores["timer"].idle_turns if "timer" in scores else []
    for score in scores.values():
        if score.idle_turns:
            turns = ", ".join(f"{share:.2f}" for share in score.idle_turns)
            say(f"{score.tool.label}: idle CPU % in turns: {turns}")
    unmet = 0
    for tool in tools:
        if tool.is_ours and tool.name in scores:
            for text, is_met in scores[tool.name].requirements(timer):
                unmet += not is_met
                say(f"{'met    ' if is_met else 'NOT MET'} {tool.label}: {text}")
    say(f"required of ours and not met: {unmet}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", help="names of tools, with commas between: " + ",".join(t.name for t in OURS + PEERS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--keep", help="a folder for what was true and what was said")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--no-build", action="store_true")
    parser.add_argument("--self-test", action="store_true")
    return parser.parse_args()


def main():
    options = arguments()
    if options.self_test:
        load = unittest.defaultTestLoader.loadTestsFromModule
        suite = unittest.TestSuite([load(matching), load(scoring)])
        return 0 if unittest.TextTestRunner().run(suite).wasSuccessful() else 1
    tools = OURS + [tool for tool in PEERS if tool.name == "asyncio-debug"] if options.quick else OURS + PEERS
    if options.only:
        names = options.only.split(",")
        if unknown := set(names) - {tool.name for tool in tools + BARE}:
            raise outside.Failure(f"--only: no tool is called {', '.join(sorted(unknown))}")
        tools = [tool for tool in tools if tool.name in names]
        bare = [tool for tool in BARE if tool.name in names or tool.name == "timer"]
    else:
        bare = BARE
    tools += [] if options.quick else bare
    if not options.no_build:
        build("Corpus", "detection-host")
        build(None, "loopwatch")
    for path in (swift_host(), BINARY):
        if not path.exists():
            raise outside.Failure(f"{path.relative_to(ROOT)} is missing: run this without --no-build")
    missing = {tool.name: problem for tool in tools if (problem := tool.missing())}
    scores = {tool.name: scoring.Score(tool) for tool in tools if tool.name not in missing}
    size = workload.QUICK if options.quick else workload.WHOLE
    rounds = 1 if options.quick else options.rounds
    for round_number in range(1, rounds + 1):
        steps = workload.plan(options.seed, round_number, size)
        order = [tool for tool in tools if tool.name in scores]
        # Nobody is always the first, or always after the same one's load.
        turn = (round_number - 1) * len(order) // rounds
        for tool in order[turn:] + order[:turn]:
            own = [step for step in steps if step.what == "idle"] if tool in BARE else steps
            run(tool, scores[tool.name], own, round_number, options)
            score = scores[tool.name]
            say(f"round {round_number} of {rounds}: {tool.name} found {score.found} of {score.expected}")
    compared = [tool for tool in tools if tool.name in scores and (tool.is_ours and tool.targets > 1 or tool.name == "timer")]
    if "timer" in scores and len(compared) > 1:
        idle_in_turns(compared, scores)
    show(tools, scores, missing, options)
    problems = [problem for score in scores.values() for problem in score.problems]
    if options.quick:
        ours = [scores[tool.name] for tool in tools if tool.is_ours and tool.name in scores]
        problems += [problem for score in ours for problem in score.quick_problems()]
        problems += [f"{name} is missing: {problem}" for name, problem in missing.items()]
    for problem in problems:
        say("PROBLEM: " + problem)
    return 1 if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (outside.Failure, subprocess.CalledProcessError) as problem:
        print(f"detection.py: {problem}", file=sys.stderr)
        sys.exit(2)
