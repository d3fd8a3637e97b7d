# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""What clients do to the endpoint, by accident or on purpose."""

import collections
import contextlib
import http.client
import resource
import socket
import struct
import time

from hosting import check_found, check_reports, eventually, expect

REQUEST = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Scraper:
    """A client that keeps its connection."""

    def __init__(self, port, timeout=20):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def get(self, path):
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        expect(answer.status == 200, f"{path}: {answer.status}")
        return text

    def status(self, path):
        """The answer's status; nothing where there is none."""
        try:
            self.connection.request("GET", path)
            return self.connection.getresponse().status
        except OSError:
            return None
        finally:
            self.connection.close()


def check_served(host, flood):
    """The endpoint serves as before once a flood is over, and blocks are found all the while."""
    host.get("/livez")
    before = host.resources()
    host.tell("blocks 2 20")
    text = flood(host)
    host.finish()
    answered = eventually("an answer after it", lambda: Scraper(host.port, timeout=10).status("/livez") == 200, pause=0.2)
    expect(answered, "it is not served")
    # All that was opened is closed, at the latest when the deadlines are over.
    eventually("its descriptors", lambda: host.resources().descriptors <= before.descriptors + 2, seconds=40, pause=0.3)
    metrics = host.settled()
    made, found = check_found(host.made(), metrics, metrics.interruptions())
    check_reports(metrics, host.newest())
    expect(host.resources().own == before.own, "its threads are not those that it had")
    return f"{text}; served as before, {found} of {made} blocks found"


def connect(port):
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    return connection


def reset(connection):
    """Closes a connection so that the other side is told of an error (SO_LINGER, socket(7))."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def answers_of(port, data, timeout=10):
    """All that comes back until the connection is closed, or nothing more comes."""
    connection = connect(port)
    connection.settimeout(timeout)
    received = b""
    with contextlib.suppress(OSError):
        connection.sendall(data)
        while part := connection.recv(65536):
            received += part
    connection.close()
    return received


def statuses(received):
    return [int(part.split(b" ", 1)[0]) for part in received.split(b"HTTP/1.1 ")[1:]]


def slow_clients(port, seconds):
    """Clients that send a byte now and then, and clients that send nothing, more than are served at once."""
    clients = []
    for _ in range(200):
        for _ in range(2):
            with contextlib.suppress(OSError):
                clients.append(connect(port))
    end = time.monotonic() + seconds
    place = 0
    while time.monotonic() < end:
        for client in clients[::2]:
            with contextlib.suppress(OSError):
                client.send(REQUEST[place % len(REQUEST):][:1])
        place += 1
        time.sleep(0.2)
    # Those beyond the limit are told; the others time out, or make room.
    told = collections.Counter()
    for client in clients:
        client.settimeout(0.01)
        with contextlib.suppress(OSError):
            told[client.recv(12)[9:].decode() or "closed"] += 1
        client.close()
    expect(told["503"] > 100, f"clients beyond the limit were told {dict(told)}")
    return f"{len(clients)} clients: {dict(told)}"


def many_clients(port, count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4_096)), hard))
    told = collections.Counter()
    done = 0
    while done < count:
        clients = []
        for number in range(min(1_000, count - done)):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
            clients.append(client)
        end = time.monotonic() + 1
        waiting = set(clients)
        sent = set()
        while waiting and time.monotonic() < end:
            for client in list(waiting):
                try:
                    if client not in sent:
                        client.send(REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
                        sent.add(client)
                    told[client.recv(12)[9:].decode() or "closed"] += 1
                    waiting.discard(client)
                except BlockingIOError:
                    continue
                except OSError as error:
                    told[type(error).__name__] += 1
                    waiting.discard(client)
            time.sleep(0.01)
        told["no answer in a second"] += len(waiting)
        for client in clients:
            client.close()
        done += len(clients)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    expect(told["200"] + told["503"] > 0, f"nobody got an answer: {dict(told)}")
    return f"{done} connections: {dict(told)}"


def resets(port, count):
    for number in range(count):
        with contextlib.suppress(OSError):
            connection = connect(port)
            kind = number % 5
            if kind == 1:
                connection.sendall(REQUEST[: number % len(REQUEST)])
            elif kind == 2:
                # In the middle of an answer that is not read.
                connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n" * 20)
                connection.recv(10)
            elif kind == 3:
                connection.sendall(b"GET /warnings?follow=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
                connection.recv(10)
            elif kind == 4:
                # Half open: it says that it sends no more, and goes on reading.
                connection.sendall(REQUEST)
                connection.shutdown(socket.SHUT_WR)
                expect(connection.recv(100).startswith(b"HTTP/1.1 "), "a client that ended its sending got no answer")
            reset(connection)
    return f"{count} connections"


def requests(port):
    pipelined = statuses(answers_of(port, REQUEST * 99 + REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")))
    expect(pipelined == [200] * 100, f"100 requests at once were answered {collections.Counter(pipelined)}")
    get = b"GET / HTTP/1.1\r\n"
    cases = {
        431: [
            get + b"Host: localhost\r\n" + b"A: b\r\n" * 10_000 + b"\r\n",
            get + b"Host: localhost\r\nA: " + b"b" * 1_000_000 + b"\r\n\r\n",
        ],
        414: [b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"],
        403: [
            get + b"Host: evil.example\r\n\r\n", get + b"Host: localhost.evil.example:9667\r\n\r\n",
            b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        ],
        400: [
            get + b"\r\n", b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
            get + b"Host: localhost\r\nHost: localhost\r\n\r\n",
            get + b"Host: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            get + b"Host: localhost\nA: b\r\n\r\n", b"\0" * 100, b"\x16\x03\x01" + bytes(200),
        ],
        413: [b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nGET /"],
        405: [b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"],
    }
    count = 0
    for status, texts in cases.items():
        for text in texts:
            told = statuses(answers_of(port, text))
            expect(told == [status], f"{text[:60]!r} was answered {told}, not {status}")
            count += 1
    return f"100 requests at once answered in order, {count} bad ones refused as they should be"


def deaf_client(host, is_short):
    """More warnings come than the kernel and the endpoint keep for a client that takes none."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
    client.connect(("127.0.0.1", host.port))
    client.sendall(b"GET /warnings?follow=1&format=ndjson&limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    client.recv(64)
    host.finish()
    host.do(f"blocks {3 if is_short else 20} 150")
    began = time.monotonic()
    host.get("/metrics")
    seconds = time.monotonic() - began
    expect(seconds < 5, f"a scrape took {seconds:.1f} s meanwhile")
    cut = 0
    if not is_short:
        # After 30 seconds without a byte it is cut off.
        eventually(
            "the client to be cut off", lambda: host.metrics().dropped("slow_client") == 1, seconds=60, pause=0.5
        )
        cut = 1
    client.close()
    host.tell("made")
    return f"{host.newest()} warnings; a scrape took {seconds * 1000:.0f} ms meanwhile; cut off: {cut}"
