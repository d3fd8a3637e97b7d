# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""gevent's hub, blocked as standard input says and watched by its own monitor thread."""

import collections
import sys
import threading

import gevent
import gevent.event
import gevent.events
from session import Session, read_commands, report


class Hub:
    """Runs functions on the hub's thread, each in a greenlet of its own."""

    def __init__(self):
        self.waiting = collections.deque()
        self.wake = gevent.get_hub().loop.async_()
        self.wake.start(self.run)

    def run(self):
        while self.waiting:
            function, arguments = self.waiting.popleft()
            gevent.spawn(function, *arguments)

    def call_soon_threadsafe(self, function, *arguments):
        self.waiting.append((function, arguments))
        self.wake.send()

    @staticmethod
    def call_soon(function):
        gevent.spawn(function)


def notice(event):
    if isinstance(event, gevent.events.EventLoopBlocked):
        report("during")


def main(tool):
    gevent.config.monitor_thread = tool == "gevent"
    gevent.config.max_blocking_time = 0.05
    # It prints each report as well, at length.
    gevent.config.print_blocking_reports = False
    gevent.events.subscribers.append(notice)
    threading.Thread(target=read_commands, args=(Session(Hub()),), daemon=True).start()
    gevent.event.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1])
