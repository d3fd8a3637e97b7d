#!/usr/bin/env python3
# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""A process with an event loop and a pool of threads, and with one kind of trouble, for alerts.py to watch from outside.

    troubled.py congested|busy|saturated|greedy

Reads standard input: `begin` begins the trouble, `end` ends it, and the end of the input ends the process.

    congested   the loop runs hundreds of tasks in one iteration, none of which takes longer than 2 ms
    busy        one handler works for a fifth of a second, in short steps
    saturated   more work is handed to a pool of two threads than it can take, and none of it ends
    greedy      from the beginning it takes the processor for 30 of 100 ms, at a real-time priority, and asks for nothing
"""

import asyncio
import concurrent.futures
import os
import sys
import threading
import time


async def congested():
    """One iteration of many short tasks."""

    async def short():
        time.sleep(0.001)

    await asyncio.gather(*(asyncio.create_task(short()) for _ in range(200)))
    await asyncio.sleep(0.1)


async def busy():
    """One job that sleeps again and again: nobody who only looks can tell it from many."""
    for _ in range(100):
        time.sleep(0.002)
    await asyncio.sleep(0.1)


RELEASED = threading.Event()
POOL = concurrent.futures.ThreadPoolExecutor(2)


def work():
    """Asks again and again, and goes on once it is released."""
    while not RELEASED.is_set():
        time.sleep(0.1)


async def saturated():
    """Two work items that do not end, and two that wait for them."""
    RELEASED.clear()
    items = [POOL.submit(work) for _ in range(4)]
    while not CALM.is_set():
        await asyncio.sleep(0.05)
    RELEASED.set()
    for item in items:
        await asyncio.wrap_future(item)


def be_greedy():
    """Takes the processor, and gives it back."""
    parent = os.getppid()
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    # Nobody else would end it, were that one killed.
    while os.getppid() == parent:
        end = time.monotonic() + 0.03
        while time.monotonic() < end:
            pass
        time.sleep(0.07)


KINDS = {kind.__name__: kind for kind in (congested, busy, saturated)}
# Set as long as no trouble is wanted.
CALM = threading.Event()


async def main(kind):
    """Has trouble whenever it is wanted."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def read():
        line = sys.stdin.readline()
        if not line:
            ended.set()
        elif line.strip() == "begin":
            CALM.clear()
        else:
            CALM.set()

    CALM.set()
    loop.add_reader(sys.stdin, read)
    while not ended.is_set():
        if CALM.is_set():
            await asyncio.sleep(0.05)
        else:
            await kind()
    RELEASED.set()


if sys.argv[1] == "greedy":
    be_greedy()
else:
    asyncio.run(main(KINDS[sys.argv[1]]))
