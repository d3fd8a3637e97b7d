# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""A FastAPI service whose handlers block the event loop in the ways that services do.

Each block tells its length: a line `BLOCK kind began ended` on standard output, in seconds of the monotonic clock.
"""

import asyncio
import re
import socket
import sqlite3
import subprocess
import sys
import threading
import time

from fastapi import FastAPI

app = FastAPI()
lock = threading.Lock()


def told(kind, began):
    sys.stdout.write(f"BLOCK {kind} {began:.9f} {time.monotonic():.9f}\n")
    sys.stdout.flush()


def wait_for_backend(seconds):
    time.sleep(seconds)


def crunch_numbers(seconds):
    end = time.monotonic() + seconds
    total = 0
    while time.monotonic() < end:
        total += sum(range(200))
    return total


def take_inventory_lock():
    with lock:
        pass


def hold_lock(seconds, taken):
    with lock:
        taken.set()
        time.sleep(seconds)


def run_converter(seconds):
    subprocess.run(["sleep", f"{seconds:.3f}"], check=True)


def query_slow_database(seconds):
    connection = sqlite3.connect(":memory:")
    connection.create_function("pause", 1, lambda length: time.sleep(length) or 1)
    connection.execute("select pause(?)", (seconds,)).fetchone()


def fetch_synchronously(seconds):
    """A client of a server that is slow to answer, as a synchronous HTTP client is."""
    near, far = socket.socketpair()

    def answer():
        time.sleep(seconds)
        far.send(b"200")

    thread = threading.Thread(target=answer)
    thread.start()
    near.recv(16)
    thread.join()
    near.close()
    far.close()


@app.get("/ok")
async def ok():
    return "ok"


@app.get("/sleep")
async def sleep(seconds: float):
    began = time.monotonic()
    wait_for_backend(seconds)
    told("sleep", began)


@app.get("/cpu")
async def cpu(seconds: float):
    began = time.monotonic()
    crunch_numbers(seconds)
    told("cpu", began)


@app.get("/both")
async def both():
    """A block that waits for most of its time, and computes when it is looked at for the second time."""
    wait_for_backend(0.090)
    crunch_numbers(0.014)


@app.get("/lock")
async def locked(seconds: float):
    taken = threading.Event()
    thread = threading.Thread(target=hold_lock, args=(seconds, taken))
    thread.start()
    taken.wait()
    began = time.monotonic()
    take_inventory_lock()
    told("lock", began)
    thread.join()


@app.get("/child")
async def child(seconds: float):
    began = time.monotonic()
    run_converter(seconds)
    told("child", began)


@app.get("/database")
async def database(seconds: float):
    began = time.monotonic()
    query_slow_database(seconds)
    told("database", began)


@app.get("/client")
async def client(seconds: float):
    began = time.monotonic()
    fetch_synchronously(seconds)
    told("client", began)


@app.get("/burst")
async def burst(jobs: int = 200):
    """Many short jobs, each in an iteration of its own: the loop is busy, and never blocked."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def job(left):
        crunch_numbers(0.001)
        if left > 1:
            loop.call_soon(job, left - 1)
        else:
            done.set_result(None)

    loop.call_soon(job, jobs)
    await done


async def short_task():
    crunch_numbers(0.0002)


@app.get("/gather")
async def gather(tasks: int = 2000):
    """Thousands of tasks that all are ready at once: one iteration that lasts long, and no job in it that does."""
    began = time.monotonic()
    await asyncio.gather(*(short_task() for _ in range(tasks)))
    told("gather", began)


async def longer_task(seconds):
    crunch_numbers(seconds)


@app.get("/longer")
async def longer(tasks: int = 10, seconds: float = 0.03):
    """A few tasks that are ready at once, none of them as long as a block."""
    await asyncio.gather(*(longer_task(seconds) for _ in range(tasks)))


@app.get("/patient")
async def patient(seconds: float):
    """A handler that waits as it should: nothing is blocked."""
    await asyncio.sleep(seconds)


def match_everything(seconds):
    """A regular expression that backtracks holds Python's global lock all the while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        re.match(r"(a+)+$", "a" * 23 + "b")


@app.get("/hog")
def hog(seconds: float):
    match_everything(seconds)


@app.get("/worker")
def worker(seconds: float):
    """A synchronous endpoint: it holds one of the pool's threads."""
    wait_for_backend(seconds)
    return "done"
