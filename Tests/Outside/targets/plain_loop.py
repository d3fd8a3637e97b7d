# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""A server of Python's own asyncio, which needs no package: `plain_loop.py PORT [hidden]`.

Blocks its loop at /sleep and /cpu, and tells the true length of each: a line `BLOCK kind began ended` on standard output,
in seconds of the monotonic clock. With `hidden` it forbids others of its own user to look into it.
"""

import asyncio
import ctypes
import sys
import time
import urllib.parse

PR_SET_DUMPABLE = 4


def wait_for_backend(seconds):
    time.sleep(seconds)


def crunch_numbers(seconds):
    end = time.monotonic() + seconds
    total = 0
    while time.monotonic() < end:
        total += sum(range(200))
    return total


BLOCKS = {"/sleep": wait_for_backend, "/cpu": crunch_numbers}


async def answer(reader, writer):
    head = await reader.readuntil(b"\r\n\r\n")
    target = urllib.parse.urlsplit(head.split(b" ")[1].decode())
    block = BLOCKS.get(target.path)
    if block:
        began = time.monotonic()
        block(float(urllib.parse.parse_qs(target.query)["seconds"][0]))
        print(f"BLOCK {target.path[1:]} {began:.9f} {time.monotonic():.9f}", flush=True)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
    await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", int(sys.argv[1]))
    if "hidden" in sys.argv[2:]:
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    async with server:
        await server.serve_forever()


asyncio.run(main())
