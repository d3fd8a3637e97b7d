#!/usr/bin/env python3
# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""Watches a server from outside with rights missing: each situation has to be told in one line, with what grants them.

    rights.py [--only TEXT] [--verbose]

Runs as root, which it needs to become others, and makes each situation for its own processes alone, in namespaces and by
filters of system calls: nothing on the machine is changed. In each, a server blocks its loop twice, sleeping and
computing; the table says what the watch said and what it found all the same. Ends with 1 where it is not what it should be.
"""

import argparse
import contextlib
import ctypes
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.dont_write_bytecode = True
import outside  # noqa: E402

# Users that nothing else is run as.
USER, OTHER = 64_001, 64_002
THRESHOLD_MS = 50
BLOCK_SECONDS = 0.3
GRANT = r"sudo setcap cap_perfmon,cap_sys_ptrace=ep /\S+$"
GRANT_FOR_OTHERS = r"sudo setcap cap_dac_read_search,cap_perfmon,cap_sys_ptrace=ep /\S+$"
FUNCTIONS = {"sleep": "wait_for_backend", "cpu": "crunch_numbers"}

# include/uapi/linux/{prctl,seccomp,filter,audit}.h
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERROR = 0x7FFF0000, 0x00050000
EPERM = 1
CLONE_NEWUSER = 0x10000000
# Numbers of system calls, by machine.
CALLS = {
    "x86_64": {"perf_event_open": 298, "ptrace": 101, "process_vm_readv": 310, "bpf": 321},
    "aarch64": {"perf_event_open": 241, "ptrace": 117, "process_vm_readv": 270, "bpf": 280},
}


def confine(names, command):
    """Becomes a program that the kernel refuses some calls, as the profiles of containers do."""
    calls = CALLS[os.uname().machine]
    numbers = [calls[name] for name in names]
    code = [struct.pack("=HBBI", LOAD_WORD, 0, 0, 0)]
    for index, number in enumerate(numbers):
        code.append(struct.pack("=HBBI", JUMP_IF_EQUAL, len(numbers) - index, 0, number))
    code.append(struct.pack("=HBBI", RETURN, 0, 0, ALLOW))
    code.append(struct.pack("=HBBI", RETURN, 0, 0, ERROR | EPERM))
    text = ctypes.create_string_buffer(b"".join(code))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(code), ctypes.addressof(text)))
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or library.prctl(
        PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0
    ):
        raise OSError(ctypes.get_errno(), "prctl")
    os.execvp(command[0], command)


def enter_foreign_namespace(user, command):
    """Becomes a program of a user in a user namespace that is root's, as that of a container is that others started."""
    library = ctypes.CDLL(None, use_errno=True)
    ready, mapped = os.pipe(), os.pipe()
    server = os.fork()
    if server == 0:
        if library.unshare(CLONE_NEWUSER):
            raise OSError(ctypes.get_errno(), "unshare")
        os.write(ready[1], b".")
        os.read(mapped[0], 1)
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        os.execvp(command[0], command)
    os.read(ready[0], 1)
    for name in ("uid_map", "gid_map"):
        pathlib.Path(f"/proc/{server}/{name}").write_text(f"{user} {user} 1")
    os.write(mapped[1], b".")
    os.waitpid(server, 0)
    sys.exit(0)


class Place:
    """Where the programs lie that other users run."""

    def __init__(self, binary):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="loopwatch-rights-"))
        self.folder.chmod(0o755)
        # By the name that processes are found by, whatever the file is called.
        self.binary = self._copy(binary, "loopwatch")
        # The same, with what the watch says is to be granted.
        self.granted = self._granted("granted", "cap_perfmon,cap_sys_ptrace=ep")
        self.granted_for_others = self._granted(
            "granted-for-others", "cap_dac_read_search,cap_perfmon,cap_sys_ptrace=ep"
        )
        self.server = self._copy(outside.TARGETS / "plain_loop.py")
        # A copy, because only this one's file is open to other users for certain.
        self.helper = self._copy(__file__)
        self._copy(outside.__file__)
        self._copy(outside.ROOT / "Tests/Outside/load.py")
        # One that other users may run.
        self.python = shutil.which("python3", path="/usr/bin:/usr/local/bin")

    def _granted(self, name, rights):
        path = self.folder / name / "loopwatch"
        path.parent.mkdir()
        shutil.copy(self.binary, path)
        subprocess.run(["setcap", rights, path], check=True)
        return path

    def _copy(self, path, name=None):
        target = self.folder / (name or pathlib.Path(path).name)
        shutil.copy(path, target)
        target.chmod(0o755)
        return target

    def file(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o644)
        return path

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def as_user(user, *more):
    """A command that makes the rest of its line another user's, without any rights but those asked for."""
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *more, "--"]


def unit_rights():
    """What the unit of config/ grants its user, as options of setpriv."""
    text = (outside.ROOT / "config/systemd/loopwatch.service").read_text()
    names = re.search(r"^AmbientCapabilities=(\S.*)$", text, re.MULTILINE)[1].split()
    rights = ",".join("+" + name.removeprefix("CAP_").lower() for name in names)
    return [f"--inh-caps={rights}", f"--ambient-caps={rights}", f"--bounding-set=-all,{rights}", "--no-new-privs"]


def in_mounts(script):
    """A command that runs the rest of its line where other things are mounted."""
    return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", script + '\nexec "$@"', "sh"]


class Server(outside.Server):
    """The server that is watched, where it runs."""

    name = "plain"

    def __init__(self, command, place, is_hidden):
        super().__init__(place.folder, None)
        hidden = ["hidden"] if is_hidden else []
        self.process = outside.Child([*command, place.python, place.server, self.port, *hidden], cwd=place.folder)
        self.ready()
        # The server itself, where it was begun by way of others.
        self.identifier = self.process.pid
        while below := pathlib.Path(f"/proc/{self.identifier}/task/{self.identifier}/children").read_text().split():
            self.identifier = int(below[0])

    def end(self):
        with contextlib.suppress(OSError):
            # The first of a namespace is deaf to any other signal.
            os.kill(self.identifier, signal.SIGKILL)
        super().end()


class Situation:
    """One way in which rights are missing, and what has to come of it.

    `target` and `watcher` begin the commands that start the two. `said` is a pattern for the one line that has to tell what
    is missing, `None` where nothing is; `evidence` what the reports on each kind of block have to stand on, `None` where
    none may be told. With `by_port` the server is looked for by its port, because its number is another where it runs.
    """

    def __init__(
        self, name, target, watcher, said=None, sleep="exact", cpu="exact", is_named=True, is_hidden=False, by_port=False,
        is_watched=True, granted=None,
    ):
        self.name, self.target, self.watcher, self.said = name, target, watcher, said
        self.evidence = {"sleep": sleep, "cpu": cpu}
        self.is_named, self.is_hidden, self.by_port, self.is_watched = is_named, is_hidden, by_port, is_watched
        self.granted = granted
        self.problems = []
        self.told, self.found = "-", "-"

    def run(self, place, verbose):
        server = watcher = None
        try:
            server = Server(self.target, place, self.is_hidden)
            before = self.watcher(server) if callable(self.watcher) else self.watcher
            which = ["--port", server.port] if self.by_port else [server.identifier]
            binary = self.granted or place.binary
            self.port = outside.free_port()
            watcher = outside.Child(
                [
                    *before, binary, "attach", *which, "--threshold", f"{THRESHOLD_MS}ms", "--listen",
                    f"127.0.0.1:{self.port}",
                ],
                cwd=place.folder,
            )
            self.exercise(server, watcher)
        except outside.Failure as failure:
            self.problems.append(str(failure))
        finally:
            if watcher:
                end_all(watcher)
                if verbose:
                    outside.say("\n".join("   " + line for line in watcher.lines))
            if server:
                server.end()

    def exercise(self, server, watcher):
        lines = watcher.lines

        def is_over():
            return watcher.child.poll() is not None

        outside.eventually("a loop to be found, or the end", 15, lambda: is_over() or any(": loop " in line for line in lines))
        busy = 0.0
        if not is_over():
            time.sleep(0.5)
            for kind in FUNCTIONS:
                server.block(kind, BLOCK_SECONDS)
                time.sleep(0.3)
            busy = self.busy_seconds()
        elif self.is_watched:
            self.problems.append("it is not watched:\n" + "\n".join(lines))
        self.judge(lines, busy)

    def busy_seconds(self):
        """For how long the loop was counted as busy without a proof that it was blocked."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        found = re.findall(r"^loopwatch_loop_busy_unproven_seconds_total\{.*\} (\S+)", text, re.MULTILINE)
        return sum(float(value) for value in found)

    def judge(self, lines, busy):
        marked = [line.removeprefix("loopwatch: ") for line in lines if "grant" in line or "CAP_" in line]
        self.told = " // ".join(marked) or "-"
        found = []
        for kind, evidence in self.evidence.items():
            # What computes may wait for a processor in between.
            cause = r" cause=syscall:" if kind == "sleep" else r" cause=(cpu|runqueue)"
            reports = [line for line in lines if " state=" in line and re.search(cause, line)]
            grades = sorted({grade for line in reports for grade in re.findall(r" evidence=(\w+)", line)})
            is_named = any(FUNCTIONS[kind] in line for line in reports)
            found.append(f"{kind}: {'/'.join(grades) or 'nothing'}{', named' if is_named else ''}")
            if grades != ([evidence] if evidence else []):
                self.problems.append(f"{kind}: evidence is {grades or 'none'}, not {evidence}")
            elif evidence and self.is_named and not is_named:
                self.problems.append(f"{kind}: the function is not named")
        if busy:
            found.append(f"busy {busy:.1f} s")
        self.found = "; ".join(found)
        if self.is_watched and not self.evidence["cpu"] and not BLOCK_SECONDS / 2 < busy < BLOCK_SECONDS * 2:
            self.problems.append(f"{busy:.2f} s are counted as busy, and {BLOCK_SECONDS} s were computed")
        if self.said is None and marked:
            self.problems.append(f"something is said to be missing: {self.told}")
        if self.said is not None and (len(marked) != 1 or not re.search(self.said, marked[0])):
            self.problems.append(f"what is missing is to be told in one line, {self.said!r}:\n" + "\n".join(lines[-12:]))

    @property
    def row(self):
        return [self.name, self.found, "" if not self.problems else "WRONG", self.told]


def end_all(watcher):
    """Ends a watcher that was begun by way of others, which may not pass on a signal."""
    process = watcher.pid
    with contextlib.suppress(OSError):
        # The watcher's own children are none that began it.
        while pathlib.Path(f"/proc/{process}/comm").read_text() != "loopwatch\n":
            below = pathlib.Path(f"/proc/{process}/task/{process}/children").read_text().split()
            if not below:
                break
            process = int(below[0])
        os.kill(process, signal.SIGINT)
    watcher.end()


def situations(place):
    user, other = as_user(USER), as_user(OTHER)
    helper = [place.python, place.helper]
    filtered = [*user, *helper, "--filter"]
    hiding = in_mounts("mount -t proc -o hidepid=2 proc /proc")
    paranoid = place.file("paranoid", "3\n")
    kernel = place.file("kernel/yama/ptrace_scope", "1\n").parent.parent
    place.file("kernel/perf_event_paranoid", "2\n")
    own_container = [*user, "unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    foreign_container = [*helper, "--foreign", str(USER), "--"]
    capable = as_user(USER, "--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service")
    nothing = {"sleep": None, "cpu": None}
    bounded = {"sleep": "bounded", "cpu": "bounded"}
    # Where this runs may be a container, a unit of systemd, or what cannot be told.
    container_grant = r"(docker run --cap-add PERFMON --cap-add SYS_PTRACE|sudo systemctl edit \S+, )"

    def inside(server):
        return [*user, "nsenter", f"--target={server.identifier}", "--user", "--mount", "--pid", "--preserve-credentials"]

    return [
        Situation("root", user, []),
        Situation("the same user", user, user),
        Situation("another user", user, other, rf"belongs to user {USER} .*; grant with: {GRANT_FOR_OTHERS}", **nothing),
        Situation("another user, granted", user, other, granted=place.granted_for_others),
        Situation("another user, by the unit", user, as_user(OTHER, *unit_rights())),
        Situation(
            "another user, by port", user, other, rf"of user {USER} listens .*grant with: {GRANT_FOR_OTHERS}", **nothing, by_port=True,
            is_watched=False,
        ),
        Situation(
            "hidden from its user", user, user, rf"hides itself from its own user.*; grant with: {GRANT_FOR_OTHERS}", **nothing,
            is_hidden=True,
        ),
        Situation("hidden from its user, granted", user, user, is_hidden=True, granted=place.granted_for_others),
        Situation("more capabilities", capable, user, rf"has capabilities that .*; grant with: {GRANT}", **nothing),
        Situation("more capabilities, granted", capable, user, granted=place.granted),
        Situation(
            "another's container", foreign_container, user, rf"not let this user look .*; grant with: {GRANT}", **nothing
        ),
        Situation("another's container, granted", foreign_container, user, granted=place.granted),
        # What Yama refuses is refused here for another reason; its setting is another file.
        Situation(
            "yama, as if", foreign_container, [*in_mounts(f"mount --bind {kernel} /proc/sys/kernel"), *user],
            rf"ptrace_scope is 1\).*; grant with: {GRANT}", **nothing,
        ),
        Situation(
            "another user, hidepid=2", user, [*hiding, *other], rf"process \d+ is hidden .*; grant with: {GRANT_FOR_OTHERS}", **nothing,
            is_watched=False,
        ),
        Situation("the same user, hidepid=2", user, [*hiding, *user]),
        Situation(
            "perf refused", user, [*filtered, "perf_event_open", "--"],
            rf"perf events are refused \(by a filter.*; grant with: {container_grant}", **bounded,
        ),
        # What the setting refuses is refused here by a filter.
        Situation(
            "perf_event_paranoid=3, as if", user,
            [
                *in_mounts(f"mount --bind {paranoid} /proc/sys/kernel/perf_event_paranoid"), *filtered, "perf_event_open",
                "--",
            ],
            r"perf_event_paranoid is 3\): .*; grant with: sudo sysctl kernel.perf_event_paranoid=2", **bounded,
        ),
        Situation(
            "perf and ptrace refused", user, [*filtered, "perf_event_open,ptrace", "--"],
            rf"perf events and ptrace are refused .*; grant with: {container_grant}", sleep="bounded", cpu=None,
        ),
        Situation("both in a container", own_container, inside, by_port=True),
        Situation("root, target in a container", own_container, []),
    ]


def main():
    if sys.argv[1:2] == ["--filter"]:
        confine(sys.argv[2].split(","), sys.argv[4:])
    if sys.argv[1:2] == ["--foreign"]:
        enter_foreign_namespace(int(sys.argv[2]), sys.argv[4:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(outside.ROOT / ".build/release/loopwatch"))
    parser.add_argument("--only", default="", help="situations whose name has this text")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    place = Place(options.binary)
    try:
        chosen = [situation for situation in situations(place) if options.only in situation.name]
        for situation in chosen:
            situation.run(place, options.verbose)
            outside.say(outside.table([situation.row]))
        outside.say("\n" + outside.table([["situation", "found", "", "told"]] + [situation.row for situation in chosen]))
        problems = [f"{situation.name}: {problem}" for situation in chosen for problem in situation.problems]
    finally:
        place.remove()
    for problem in problems:
        outside.say("PROBLEM: " + problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
