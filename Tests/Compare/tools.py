# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""The tools that are compared, their versions, and what each cannot do by design."""

import dataclasses
import shutil
import subprocess
import sys
from collections.abc import Callable

from hosts import NODE_MODULES, PYTHON, VENV, AttachedHost, Host, NodeHost, PythonHost, swift_host
from redis_host import RedisHost

# The server whose loop all tools for asyncio watch.
SERVER = ["fastapi==0.165.0", "uvicorn==0.54.0"]

NOTES = {
    "a": "Ten targets, of which one is blocked; the others are one target each.",
    "b": "A pool is blocked here as beats can see it, by holding every thread; it is not while Dispatch gives it another.",
    "n": "One thread of a pool is held.",
    "c": "The true length is that of the loop's iteration, from one wait to the next, taken around its selector.",
    "d": "Reports when the callback has ended; each short callback on its own, so a flood is not seen.",
    "e": "Reports when the block has ended.",
    "f": "Tells no length of a block.",
    "g": "Tells how long the block had lasted so far; consecutive blocks with the same stack are one to it.",
    "h": "A histogram, no reports: its highest value is read and reset each 100 ms, on the loop; includes its own 10 ms.",
    "i": "A sleep that its signal interrupts ends early: the host does not do what it was told. Times as its client sees them.",
    "j": "A limiter of its log (5 a minute) is lifted, as ours is; only its module runs, without the package around it.",
    "k": "A model of the published algorithm, with its default cadence for this threshold: check each 25 ms.",
    "l": "A model, likewise: check each 0.5 s, and after a warning none for 5 s.",
    "o": "A thread that is told when the block begins, and sleeps until the threshold: how late that comes is the machine.",
    "m": "Its cumulative report (much lag within a second) is taken as a name for congestion.",
}


@dataclasses.dataclass(frozen=True)
class Tool:
    name: str
    label: str
    make: Callable
    is_ours: bool = False
    packages: tuple = ()
    # Needed on the machine.
    program: str | None = None
    notes: str = ""
    names_floods: bool = False
    is_model: bool = False
    targets: int = 1

    @property
    def marks(self):
        return f" [{' '.join(self.notes)}]" if self.notes else ""

    def missing(self):
        """Why it cannot run here; None if it can."""
        if self.program and not shutil.which(self.program):
            return f"{self.program} is not installed"
        for package in self.packages:
            if problem := install(package):
                return problem
        return None


def install(package):
    """Installs a pinned package; returns why that did not work."""
    if package.startswith("npm:"):
        package = package.removeprefix("npm:")
        if (NODE_MODULES / "node_modules" / package.split("@")[0]).exists():
            return None
        NODE_MODULES.mkdir(exist_ok=True)
        command = ["npm", "install", "--prefix", NODE_MODULES, "--no-fund", "--no-audit", "--fetch-retries=0", package]
    else:
        if not PYTHON.exists():
            subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        name, version = package.split("==")
        name = name.removeprefix("alone:")
        command = [
            PYTHON, "-c", f"import importlib.metadata as m, sys; sys.exit(m.version({name!r}) != {version!r})",
        ]
        if subprocess.run(command, capture_output=True).returncode == 0:
            return None
        alone = ["--no-deps"] if package.startswith("alone:") else []
        command = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *alone, f"{name}=={version}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as problem:
        return f"{package} cannot be installed: {problem}"
    if done.returncode == 0:
        return None
    # pip tells the reason last, npm first.
    lines = done.stderr.strip().splitlines() or ["no reason told"]
    reason = next((line for line in lines if line.startswith("npm error")), lines[-1])
    return f"{package} cannot be installed: {reason[:100]}"


def swift(name, targets=1):
    return lambda: Host([swift_host(), name, targets])


def python(tool, program="asyncio_host.py"):
    return lambda: PythonHost(program, tool)


OURS = [
    Tool("nio", "Loopwatch, NIO loop", swift("nio", 10), True, notes="a", names_floods=True, targets=10),
    Tool("queue", "Loopwatch, Dispatch queue", swift("queue", 10), True, notes="a", names_floods=True, targets=10),
    Tool("pool-beats", "Loopwatch, Swift's pool by beats", swift("pool-beats"), True, notes="b", names_floods=True),
    Tool("pool-accounted", "Loopwatch, Swift's pool accounted", swift("pool-accounted"), True, notes="n", names_floods=True),
    Tool(
        "attach", "loopwatch attach, uvicorn", AttachedHost, True, tuple(SERVER), notes="c", names_floods=True
    ),
]

PEERS = [
    Tool("asyncio-debug", "asyncio debug mode", python("asyncio-debug"), packages=tuple(SERVER), notes="d"),
    Tool("aiodebug", "aiodebug 2.3.0", python("aiodebug"), packages=(*SERVER, "aiodebug==2.3.0"), notes="d"),
    Tool("aiocop", "aiocop 1.2.1", python("aiocop"), packages=(*SERVER, "aiocop==1.2.1"), notes="d"),
    Tool("asynclens", "asynclens 0.1.2", python("asynclens"), packages=(*SERVER, "asynclens==0.1.2")),
    Tool("pyleak", "pyleak 0.2.0", python("pyleak"), packages=(*SERVER, "pyleak==0.2.0"), notes="g"),
    Tool(
        "livekit", "LiveKit loop monitor 1.8.9", python("livekit"),
        packages=(*SERVER, "alone:livekit-agents==1.8.9", "opentelemetry-api==1.45.2"), notes="ej",
    ),
    Tool(
        "gevent", "gevent 26.9.0", python("gevent", "gevent_host.py"), packages=("gevent==26.9.0",), notes="f"
    ),
    Tool(
        "loopguard", "fastapi-loopguard 0.9.0", python("loopguard"),
        packages=(*SERVER, "fastapi-loopguard==0.9.0"), notes="em", names_floods=True,
    ),
    Tool("node", "Node monitorEventLoopDelay", lambda: NodeHost("delay"), program="node", notes="h"),
    Tool(
        "blocked-at", "blocked-at 1.2.0", lambda: NodeHost("blocked-at"), program="node",
        packages=("npm:blocked-at@1.2.0",), notes="e",
    ),
    Tool("redis", "Redis watchdog", lambda: RedisHost(True), program="redis-server", notes="fi"),
    Tool("vertx", "model: Vert.x BlockedThreadChecker", swift("model-vertx"), notes="k", is_model=True),
    Tool("akka", "model: Akka starvation detector", swift("model-akka"), notes="el", is_model=True),
    Tool("oracle", "model: an oracle, NIO loop", swift("model-oracle"), notes="fo", is_model=True),
    Tool("oracle-pool", "model: an oracle, Swift's pool", swift("model-oracle-pool"), notes="bfo", is_model=True),
]

# Nothing watches: what the hosts cost by themselves.
BARE = [
    Tool("timer", "bare 10 ms timer", swift("timer")),
    Tool("bare-nio", "bare NIO, ten loops", swift("bare-nio", 10)),
    Tool("bare-uvicorn", "bare uvicorn", python("none"), packages=tuple(SERVER)),
    Tool("bare-gevent", "bare gevent", python("none", "gevent_host.py"), packages=("gevent==26.9.0",)),
    Tool("bare-node", "bare Node", lambda: NodeHost("none"), program="node"),
    Tool("bare-redis", "bare Redis", lambda: RedisHost(False), program="redis-server"),
]
