#!/usr/bin/env python3
# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""A steady load on a server: one request after the other, so many in a second.

    load.py PORT http|redis RATE FILE

Writes how many were answered into the first eight bytes of FILE, as it goes, until it is ended.
"""

import mmap
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import time

HTTP = b"GET /ok HTTP/1.1\r\nHost: localhost\r\n\r\n"
REDIS = b"*1\r\n$4\r\nPING\r\n"


class Load:
    """A process that sends requests, and counts the answers."""

    def __init__(self, port, protocol, rate):
        self.file = tempfile.NamedTemporaryFile(prefix="loopwatch-load-")
        self.file.write(bytes(8))
        self.file.flush()
        self.counts = mmap.mmap(self.file.fileno(), 8)
        self.child = subprocess.Popen([sys.executable, __file__, str(port), protocol, str(rate), self.file.name])

    def done(self):
        """How many requests were answered."""
        return struct.unpack("=Q", self.counts[:8])[0]

    def end(self):
        self.child.terminate()
        self.child.wait()
        self.file.close()


def is_whole(answer, protocol):
    if protocol == "redis":
        return answer.endswith(b"\r\n")
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return False
    head = head.lower()
    if b"transfer-encoding: chunked" in head:
        return body.endswith(b"0\r\n\r\n")
    return len(body) >= int(head.split(b"content-length:")[1].split(b"\r\n")[0])


def connected(port):
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def run(port, protocol, rate, counts):
    request = HTTP if protocol == "http" else REDIS
    connection = connected(port)
    done, due = 0, time.monotonic()
    while True:
        connection.sendall(request)
        # A server that answers in two pieces may wait for the first to be acknowledged, which takes 40 ms otherwise.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        answer = b""
        while not is_whole(answer, protocol):
            part = connection.recv(65536)
            if not part:
                raise OSError("the server closed the connection within an answer")
            answer += part
        done += 1
        counts[:8] = struct.pack("=Q", done)
        if b"Connection: close" in answer:
            # nginx does after so many requests.
            connection.close()
            connection = connected(port)
        due = max(due + 1 / rate, time.monotonic() - 0.05)
        time.sleep(max(0, due - time.monotonic()))


def main():
    port, protocol, rate, path = sys.argv[1:]
    with pathlib.Path(path).open("r+b") as file:
        run(int(port), protocol, float(rate), mmap.mmap(file.fileno(), 8))


if __name__ == "__main__":
    main()
