# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""A uvicorn server whose loop is blocked as standard input says, watched by one tool: `asyncio_host.py TOOL`.

Commands and what it tells are those of detection-host (Tests/Packages/Corpus/Sources/detection-host/Session.swift). Each
tool is installed as its documentation says, for a threshold of 50 ms, and what it says is told as REPORT.
"""

import asyncio
import importlib.metadata
import importlib.util
import logging
import re
import socket
import sys
import threading
import time
import types

import fastapi
import uvicorn
from session import Session, read_commands, report, tell

THRESHOLD = 0.05


class LogReader(logging.Handler):
    """Reads a tool's log as its user does."""

    def __init__(self, name, read):
        super().__init__()
        self.read = read
        logger = logging.getLogger(name)
        logger.addHandler(self)
        logger.propagate = False
        logger.setLevel(logging.WARNING)

    def emit(self, record):
        self.read(record.getMessage())


# -- tools


async def use_nothing(app):
    pass


async def use_asyncio_debug(app):
    def read(message):
        found = re.search(r"^Executing .* took ([\d.]+) seconds", message, re.DOTALL)
        if found:
            report("after", float(found[1]))

    LogReader("asyncio", read)
    loop = asyncio.get_running_loop()
    loop.slow_callback_duration = THRESHOLD
    loop.set_debug(True)


async def use_aiodebug(app):
    from aiodebug import log_slow_callbacks

    log_slow_callbacks.enable(THRESHOLD, lambda name, duration: report("after", duration))


async def use_aiocop(app):
    import aiocop

    def read(event):
        if event.exceeded_threshold:
            report("after", event.elapsed_ms / 1000)

    aiocop.patch_audit_functions()
    aiocop.start_blocking_io_detection(trace_depth=20)
    aiocop.detect_slow_tasks(threshold_ms=int(THRESHOLD * 1000), on_slow_task=read)
    aiocop.activate()


async def use_asynclens(app):
    import asynclens

    def read(message):
        found = re.search(r"Blocked for ([\d.]+) ?(µs|ms|s)?", message)
        if found:
            report("after", float(found[1]) * {"µs": 1e-6, "s": 1}.get(found[2], 1e-3))
        elif "Loop blocked" in message:
            report("during")

    LogReader("asynclens", read)
    watchdog = asynclens.AsyncWatchdog(threshold_ms=int(THRESHOLD * 1000), ignore_patterns=["<frozen importlib"])
    watchdog.start()
    app.state.watchdog = watchdog


async def use_pyleak(app):
    from pyleak import no_event_loop_blocking

    def read(message):
        found = re.search(r"^Event loop blocked for ([\d.]+)s", message)
        if found:
            report("during", float(found[1]))

    LogReader("pyleak-comparison", read)
    # By default a threshold of 200 ms and a check each 50 ms: the same ratio.
    context = no_event_loop_blocking(
        action="log",
        logger=logging.getLogger("pyleak-comparison"),
        threshold=THRESHOLD,
        check_interval=THRESHOLD / 4,
    )
    await context.__aenter__()
    app.state.context = context


async def use_livekit(app):
    """Only the module that watches; the package around it, which wants much else, is replaced by empty modules."""

    def package(name, **members):
        module = types.ModuleType(name)
        module.__dict__.update(members)
        module.__path__ = []
        sys.modules[name] = module
        return module

    files = importlib.metadata.files("livekit-agents")
    [path] = [file.locate() for file in files if str(file).endswith("agents/telemetry/loop_monitor.py")]
    package("livekit")
    package("livekit.agents")
    package("livekit.agents.log", logger=logging.getLogger("livekit.agents"))
    telemetry = package("livekit.agents.telemetry")
    telemetry.otel_metrics = types.SimpleNamespace(record_event_loop_blocked=lambda *_, **__: None)
    telemetry.session_context = types.SimpleNamespace(
        primary_session=lambda: None, session_root_context=lambda: None
    )
    telemetry.trace_types = types.SimpleNamespace()
    package("livekit.agents.telemetry.traces", tracer=None)
    specification = importlib.util.spec_from_file_location("livekit.agents.telemetry.loop_monitor", path)
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    LogReader("livekit.agents", lambda message: None)
    monitor = module.start_monitoring(
        asyncio.get_running_loop(),
        thresholds=module.LoopMonitorThresholds(warn=THRESHOLD, error=THRESHOLD * 5),
        emit_spans=False,
    )
    # Its log is limited to five lines a minute: every one is wanted here.
    monitor._span_limiter = module._RateLimiter(10**9)
    monitor._log_limiter = module._RateLimiter(10**9)
    monitor._on_report = lambda told: report(
        "after", told.duration, "machine" if told.process_descheduled else "stall"
    )


async def use_loopguard(app):
    from fastapi_loopguard import LoopGuardConfig, LoopGuardMiddleware

    def read(message):
        found = re.search(r"(Cumulative event loop blocking|Event loop blocked) for ([\d.]+)ms", message)
        if found:
            report("after", float(found[2]) / 1000, "congestion" if found[1].startswith("C") else "stall")

    LogReader("fastapi_loopguard", read)
    # It calibrates its threshold to the machine, and never above the fallback: such a multiplier keeps it there.
    configuration = LoopGuardConfig(
        fallback_threshold_ms=THRESHOLD * 1000, threshold_multiplier=1e9, enforcement_mode="log"
    )
    app.add_middleware(LoopGuardMiddleware, config=configuration)


TOOLS = {
    "none": use_nothing,
    "outside": use_nothing,
    "asyncio-debug": use_asyncio_debug,
    "aiodebug": use_aiodebug,
    "aiocop": use_aiocop,
    "asynclens": use_asynclens,
    "pyleak": use_pyleak,
    "livekit": use_livekit,
    "loopguard": use_loopguard,
}


class CoroutineSession(Session):
    """A job is the first step of a task, as a handler is."""

    def start(self, function):
        self.loop.call_soon_threadsafe(self.queue, function)

    def queue(self, function):
        async def handler():
            function()

        self.loop.create_task(handler())


class IterationSession(CoroutineSession):
    """Tells of blocks how long the whole iteration of the loop took, from the return of its wait to the next call of it:
    that is what holds up whoever waits, and what can be seen from outside. A little else is in it."""

    def __init__(self, loop):
        super().__init__(loop)
        self.began, self.notes = time.monotonic(), []
        self.wait, loop._selector.select = loop._selector.select, self.select

    def held(self, span, note):
        self.notes.append(note)

    def select(self, timeout=None):
        ended = time.monotonic()
        notes, self.notes = self.notes, []
        for note in notes:
            note((self.began, ended))
        events = self.wait(timeout)
        self.began = time.monotonic()
        return events


async def main(tool):
    app = fastapi.FastAPI()

    @app.get("/", response_class=fastapi.responses.PlainTextResponse)
    async def hello():
        return "hello"

    await TOOLS[tool](app)
    configuration = uvicorn.Config(app, log_level="error", lifespan="on")
    listener = socket.create_server(("127.0.0.1", 0))
    tell(f"PORT {listener.getsockname()[1]}")
    session = (IterationSession if tool == "outside" else CoroutineSession)(asyncio.get_running_loop())
    threading.Thread(target=read_commands, args=(session,), daemon=True).start()
    await uvicorn.Server(configuration).serve(sockets=[listener])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
