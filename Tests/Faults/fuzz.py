#!/usr/bin/env python3
# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""Bytes that nobody meant, to every reader of bytes that come from elsewhere: coverage-guided, from the seeds on.

    fuzz.py [--seconds SECONDS] [--only TARGET,...] [--no-build]
    fuzz.py --seeds PROGRAM

Builds Tests/Fuzzing with AddressSanitizer and coverage (into .build-fuzz, which takes minutes the first time), and has the
toolchain's libFuzzer feed each target for so long: requests and answers of HTTP, configurations, JSON, logs, unwind tables,
machine code, ELF files, names, files of /proc. What counts as a crash: a trap, an error of memory, an input that takes more
than a second, more than 512 MB, an expectation of the target. Its input is written to .build-fuzz/crashes; once mended, it
belongs among the seeds in Tests/Fuzzing/Seeds. Interesting inputs that it finds stay in .build-fuzz/corpus, and are where
the next run begins. Says of each target how many inputs it was fed, what of the code they reached, and what they did; ends
with 1 where there was a crash.

--seeds has PROGRAM, the same executable as the tests are built with (.build/debug/fuzzing), read the seeds once: no
sanitizer and no fuzzer, but in a second, for CI.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SEEDS = ROOT / "Tests/Fuzzing/Seeds"
FOLDER = ROOT / ".build-fuzz"
# Longest input, in bytes: some readers take files, which are longer than what the others are ever given.
LONGEST = {"elf-exports": 32_768, "elf-program": 32_768, "http-request": 16_384}


def say(text):
    print(text, flush=True)


def library():
    """The toolchain's libFuzzer, without its own main function."""
    swift = pathlib.Path(shutil.which("swift")).resolve()
    # Where the toolchain is a link, or its programs are started by another.
    folders = [swift.parent.parent, pathlib.Path("/opt/swift/usr"), pathlib.Path("/usr")]
    for folder in folders:
        for place in sorted(folder.glob(f"lib/clang/*/lib/linux/libclang_rt.fuzzer_no_main-{os.uname().machine}.a")):
            return place
    sys.exit(f"{swift}: this toolchain has no libclang_rt.fuzzer_no_main")


def build():
    flags = ["-DFUZZING", "-enable-testing", "-sanitize=address", "-sanitize-coverage=edge,trace-cmp,inline-8bit-counters,pc-table"]
    command = ["swift", "build", "-c", "release", "--product", "fuzzing", "--scratch-path", str(FOLDER)]
    for flag in flags:
        command += ["-Xswiftc", flag]
    command += ["-Xlinker", str(library()), "-Xlinker", "-lstdc++"]
    say("$ " + " ".join(command))
    subprocess.run(command, cwd=ROOT, check=True)


def environment():
    # Threads of the Swift runtime live until the end, and what it allocated once is no leak.
    return {**os.environ, "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:quarantine_size_mb=32", "SWIFT_BACKTRACE": "enable=no"}


def fuzz(program, target, seconds):
    """Feeds one target; returns what became of it, and whether it crashed."""
    corpus, crashes = FOLDER / "corpus" / target, FOLDER / "crashes"
    corpus.mkdir(parents=True, exist_ok=True)
    crashes.mkdir(exist_ok=True)
    dictionary = SEEDS / f"{target}.dict"
    command = [
        program, target, f"-max_total_time={seconds}", "-timeout=1", "-rss_limit_mb=512", "-print_final_stats=1",
        f"-max_len={LONGEST.get(target, 4_096)}", f"-artifact_prefix={crashes / target}-",
        *([f"-dict={dictionary}"] if dictionary.exists() else []), corpus, SEEDS / target,
    ]
    log = FOLDER / f"{target}.log"
    with log.open("w") as file:
        result = subprocess.run(
            [str(word) for word in command], stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            env=environment(), timeout=seconds + 120,
        )
    text = log.read_text(errors="replace")

    def last(pattern, default="?"):
        found = re.findall(pattern, text)
        return found[-1] if found else default

    runs = last(r"stat::number_of_executed_units:\s+(\d+)", last(r"#(\d+)\s", "0"))
    reason = last(r"(?:Fatal error: .*|ERROR: (?:libFuzzer|AddressSanitizer): .*|deadly signal.*)", "")
    written = last(r"Test unit written to (\S+)", "")
    return {
        "runs": int(runs), "coverage": last(r"cov: (\d+)"), "features": last(r"ft: (\d+)"),
        "corpus": last(r"corp: (\d+)"), "memory": last(r"peak_rss_mb:\s+(\d+)", last(r"rss: (\d+)Mb")),
        "slowest": last(r"slowest_unit_time_sec:\s+(\d+)"), "code": result.returncode, "reason": reason,
        "written": written, "log": log,
    }


def run(options):
    if not options.no_build:
        build()
    program = FOLDER / "release/fuzzing"
    targets = sorted(path.name for path in SEEDS.iterdir() if path.is_dir())
    if options.only:
        targets = options.only.split(",")
    crashed = []
    say("| target | inputs | edges, features | kept | memory, slowest | crashes |")
    say("| --- | --- | --- | --- | --- | --- |")
    for target in targets:
        told = fuzz(program, target, options.seconds)
        if told["code"] != 0:
            crashed.append((target, told))
        say(
            f"| {target} | {told['runs']:,} | {told['coverage']}, {told['features']} | {told['corpus']} | "
            f"{told['memory']} MB, {told['slowest']} s | {'1: ' + told['reason'] if told['code'] else 'none'} |"
        )
    for target, told in crashed:
        say(f"FAILED: {target}: {told['reason']}; the input is {told['written']}, all of it is in {told['log']}")
    say("no crash" if not crashed else f"{len(crashed)} targets crashed")
    return 1 if crashed else 0


def read_seeds(program):
    result = subprocess.run(
        [str(program), str(SEEDS)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "SWIFT_BACKTRACE": "enable=no"}, timeout=120,
    )
    lines = result.stdout.splitlines()
    say("\n".join(lines[-1:] if result.returncode == 0 else lines[-10:]))
    if result.returncode != 0:
        say(f"FAILED: the seeds: exit {result.returncode}")
        return 1
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=20, help="for each target")
    parser.add_argument("--only", help="targets, separated by commas")
    parser.add_argument("--no-build", action="store_true", help="with what was built before")
    parser.add_argument("--seeds", type=pathlib.Path, metavar="PROGRAM", help="have PROGRAM read the seeds once")
    options = parser.parse_args()
    return read_seeds(options.seeds) if options.seeds else run(options)


if __name__ == "__main__":
    sys.exit(main())
