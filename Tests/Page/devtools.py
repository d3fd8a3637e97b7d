# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""A browser, driven through its DevTools protocol: no more than a test of the page needs, with the standard library alone."""

import base64
import json
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

# The browser is to talk to the test and to nobody else.
FLAGS = [
    "--headless=new", "--no-sandbox", "--remote-debugging-port=0", "--no-first-run", "--disable-gpu", "--mute-audio",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
    "--disable-extensions", "--disable-dev-shm-usage", "--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


class Failure(Exception):
    """Something is not as it should be; the message says what."""


class WebSocket:
    """The client's side of RFC 6455, for texts that are never split by the client."""

    def __init__(self, url):
        host, port, path = re.fullmatch(r"ws://([^:/]+):(\d+)(/.*)", url).groups()
        self.socket = socket.create_connection((host, int(port)), 10)
        self.buffer = b""
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self.buffer:
            self._receive(10)
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise Failure(f"the browser does not take the connection: {head!r}")

    def _receive(self, seconds):
        """Reads what is there, and returns whether anything came in time."""
        if not select.select([self.socket], [], [], max(0, seconds))[0]:
            return False
        piece = self.socket.recv(1 << 16)
        if not piece:
            raise Failure("the browser has closed the connection")
        self.buffer += piece
        return True

    def send(self, text):
        """Sends one text."""
        data = text.encode()
        mask = os.urandom(4)
        length = len(data)
        head = bytes([0x81]) + (
            bytes([0x80 | length]) if length < 126
            else bytes([0x80 | 126]) + struct.pack(">H", length) if length < 1 << 16
            else bytes([0x80 | 127]) + struct.pack(">Q", length)
        )
        self.socket.sendall(head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(data)))

    def next(self, deadline):
        """The next text; None when none comes before the deadline."""
        message = b""
        while True:
            frame = self._frame(deadline)
            if frame is None:
                return None
            code, isLast, payload = frame
            if code == 8:
                raise Failure("the browser ends the connection")
            if code in (9, 10):
                continue
            message += payload
            if isLast:
                return message.decode()

    def _frame(self, deadline):
        while True:
            length = self.buffer[1] & 0x7F if len(self.buffer) > 1 else 0
            start = 4 if length == 126 else 10 if length == 127 else 2
            if len(self.buffer) >= start:
                if length >= 126:
                    length = int.from_bytes(self.buffer[2:start], "big")
                if len(self.buffer) >= start + length:
                    first, payload = self.buffer[0], self.buffer[start:start + length]
                    self.buffer = self.buffer[start + length:]
                    return first & 0x0F, bool(first & 0x80), payload
            if not self._receive(deadline - time.monotonic()):
                return None


class Browser:
    """A headless Chromium with a profile of its own, which is gone with it."""

    def __init__(self, program):
        self.folder = tempfile.mkdtemp(prefix="loopwatch-page-")
        self.child = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={self.folder}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
            start_new_session=True, env=dict(os.environ, HOME=self.folder),
        )
        try:
            self.socket = WebSocket(self._url())
        except BaseException:
            self.end()
            raise
        self.number = 0
        self.answers = {}
        self.listeners = []

    def _url(self):
        seen = []
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if not select.select([self.child.stderr], [], [], 1)[0]:
                continue
            line = self.child.stderr.readline()
            if not line:
                break
            seen.append(line)
            found = re.search(r"DevTools listening on (ws://\S+)", line)
            if found:
                # What else it says is read by nobody: a full pipe would stop it.
                os.set_blocking(self.child.stderr.fileno(), False)
                return found[1]
        raise Failure(f"{self.child.args[0]} does not start:\n{''.join(seen)}")

    def _take(self, deadline):
        """Takes one message; returns whether one came in time."""
        try:
            os.read(self.child.stderr.fileno(), 1 << 16)
        except BlockingIOError:
            pass
        text = self.socket.next(deadline)
        if text is None:
            return False
        message = json.loads(text)
        if "id" in message:
            self.answers[message["id"]] = message
        else:
            for listener in self.listeners:
                listener(message)
        return True

    def call(self, method, session=None, seconds=30, **parameters):
        """Calls a method, and returns its result."""
        self.number += 1
        number = self.number
        request = {"id": number, "method": method, "params": parameters}
        if session:
            request["sessionId"] = session
        self.socket.send(json.dumps(request))
        deadline = time.monotonic() + seconds
        while number not in self.answers:
            if not self._take(deadline):
                raise Failure(f"no answer to {method} within {seconds} s")
        answer = self.answers.pop(number)
        if "error" in answer:
            raise Failure(f"{method}: {answer['error']}")
        return answer["result"]

    def wait(self, seconds):
        """Takes what comes for some time."""
        deadline = time.monotonic() + seconds
        while self._take(deadline):
            pass

    def end(self):
        """Ends the browser and its processes, which are a group of their own."""
        try:
            os.killpg(self.child.pid, signal.SIGTERM)
            self.child.wait(10)
        except ProcessLookupError:
            pass
        except subprocess.TimeoutExpired:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()
        self.child.stderr.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Page:
    """One tab."""

    def __init__(self, browser, width=1280, height=900):
        self.browser = browser
        self.requests = []
        self.complaints = []
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        browser.listeners.append(self._heard)
        for domain in ("Page", "Network", "Runtime", "Log", "DOM"):
            self.call(f"{domain}.enable")
        self.resize(width, height)

    def call(self, method, **parameters):
        """Calls a method of the tab."""
        return self.browser.call(method, session=self.session, **parameters)

    def _heard(self, message):
        if message.get("sessionId") != self.session:
            return
        method, parameters = message["method"], message["params"]
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.complaints.append(json.dumps(parameters["args"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            entry = parameters["entry"]
            self.complaints.append(f"{entry['text']} {entry.get('url', '')}")

    def open(self, url):
        """Goes to an address."""
        problem = self.call("Page.navigate", url=url).get("errorText")
        if problem:
            raise Failure(f"{url}: {problem}")

    def evaluate(self, expression):
        """The value of an expression, which may be a promise."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise Failure(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def eventually(self, awaited, expression, seconds=20):
        """Waits until an expression is true, and returns its value."""
        deadline = time.monotonic() + seconds
        while True:
            value = self.evaluate(expression)
            if value:
                return value
            if time.monotonic() > deadline:
                raise Failure(f"waited {seconds} s in vain for {awaited}; the page complains: {self.complaints}")
            self.browser.wait(0.05)

    def press(self, key, modifiers=0):
        """Presses a key."""
        text = {"Enter": "\r", " ": " "}.get(key)
        code = {"Enter": 13, "Tab": 9, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38, "ArrowLeft": 37, "ArrowRight": 39}.get(key, 0)
        event = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        self.call("Input.dispatchKeyEvent", type="keyDown", **event, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def write(self, text):
        """Writes into what has the focus."""
        self.call("Input.insertText", text=text)

    def resize(self, width, height, isPhone=False):
        """Gives the window another size."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if isPhone else 1,
                  mobile=isPhone)

    def prefer(self, **features):
        """Sets what the reader prefers: `prefers_color_scheme="dark"`."""
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": name.replace("_", "-"), "value": value} for name, value in features.items()
        ])

    def picture(self, path, isWhole=False):
        """Writes a picture of the window, or of the whole page."""
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=isWhole, **(
            {"clip": dict(self.call("Page.getLayoutMetrics")["cssContentSize"], scale=1)} if isWhole else {}
        ))["data"]
        path.write_bytes(base64.b64decode(data))
