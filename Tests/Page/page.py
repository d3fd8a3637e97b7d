#!/usr/bin/env python3
# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""Opens the page of `loopwatch demo` in a headless Chromium, and does what a reader does.

Checked: blocks appear as they begin; the keyboard opens their stacks; the flame graph is searched, zoomed and filtered;
light and dark have enough contrast; a phone needs no scrolling to the side; without a script the tables are there; nothing
is asked of anyone but the endpoint; the console is empty; the page says when there is no answer, and comes back.

Needs Chromium and Python alone. Starts nothing that it does not end.

  page.py PROGRAM [--pictures FOLDER]     PROGRAM is `loopwatch`; pictures of what was seen go to FOLDER
"""

import argparse
import datetime
import http.client
import json
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time

from devtools import Browser, Failure, Page

# Notes when each entry and each card appears, by the clock of the day: that is what reports have.
OBSERVE = """
(() => {
  window.seen = { warnings: {}, cards: {} };
  const note = (into) => (node) => {
    const key = node.nodeType === 1 && node.getAttribute("data-stall");
    if (key && !(key in into)) into[key] = Date.now();
  };
  const watch = (id, into) => {
    const list = document.getElementById(id), all = () => [...list.children].forEach(note(into));
    new MutationObserver(all).observe(list, { childList: true, subtree: true, attributes: true });
    all();
  };
  watch("warnings-list", seen.warnings);
  watch("now-list", seen.cards);
})()
"""

# The contrast of texts with what is behind them, by WCAG 2: [ratio, text] of the worst ones first.
CONTRAST = """
(() => {
  const parse = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length >= 3 && (colour.length === 3 || colour[3] > 0.99)) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const node of document.querySelectorAll("body *")) {
    const isText = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!isText || !node.checkVisibility() || node.closest("script, style, option, .hidden, .skip, :disabled")) continue;
    const a = light(parse(getComputedStyle(node).color)), b = light(behind(node));
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), node.className + ": " + node.textContent.slice(0, 40)]);
  }
  return found.sort((x, y) => x[0] - y[0]).slice(0, 3);
})()
"""


def say(text):
    """Prints a line at once."""
    print(text, flush=True)


def expect(condition, text):
    """Fails with the text unless the condition holds."""
    if not condition:
        raise Failure(text)


class Demo:
    """`loopwatch demo`, and what its endpoint says of the blocks that begin."""

    def __init__(self, program, listen):
        self.child = subprocess.Popen(
            [program, "demo", "--listen", listen, "--seconds", "300"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        )
        self.begun = {}
        self.ended = set()
        first = self.child.stdout.readline()
        found = re.search(r"(127\.0\.0\.1):(\d+)", first)
        if not found:
            self.end()
            raise Failure(f"the demo does not say where it listens: {first!r}")
        self.port = int(found[2])
        threading.Thread(target=self._drain, daemon=True).start()
        threading.Thread(target=self._follow, daemon=True).start()

    def _drain(self):
        for _ in self.child.stdout:
            pass

    def _follow(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", "/warnings?format=ndjson&follow=1")
            for line in connection.getresponse():
                report = json.loads(line)
                key = f"{report.get('id', '').rpartition('-')[0]}-{report.get('stall')}"
                if report.get("state") == "begun":
                    moment = datetime.datetime.fromisoformat(report["time"].replace("Z", "+00:00"))
                    self.begun[key] = (moment.timestamp(), report)
                elif report.get("state") == "ended":
                    self.ended.add(key)
        except (OSError, ValueError, http.client.HTTPException):
            pass

    def get(self, path, accept):
        """An answer: status, headers, text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path, headers={"Accept": accept})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def end(self):
        """Ends it, and waits for that."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGINT)
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


def check_size(demo):
    """The document as a browser gets it."""
    status, headers, text = demo.get("/", "text/html")
    policy = headers["Content-Security-Policy"]
    expect(status == 200 and "unsafe" not in policy, f"{status}, {policy}")
    expect(len(text.encode()) < 100_000, f"the page has {len(text.encode())} bytes")
    expect(not demo.get("/", "*/*")[2].startswith("<"), "curl gets HTML")
    say(f"the page has {len(text.encode())} bytes")


def check_appearance(demo, page):
    """Each block that begins appears on the open page."""
    page.evaluate(OBSERVE)
    started = time.time()
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        page.browser.wait(0.1)
        late = {key: moment for key, (moment, _) in demo.begun.items() if moment > started}
        seen = page.evaluate("seen")
        if sum(key in seen["warnings"] for key in late) >= 5 and any(key in seen["cards"] for key in late):
            break
    delays = {kind: sorted(seen[kind][key] / 1000 - moment for key, moment in late.items() if key in seen[kind])
              for kind in ("warnings", "cards")}
    for kind, values in delays.items():
        say(f"from the begun report to its {kind}: " + ", ".join(f"{value * 1000:.0f}" for value in values) + " ms")
    expect(len(delays["warnings"]) >= 5, f"of {len(late)} blocks {len(delays['warnings'])} appeared among the warnings")
    expect(delays["cards"], "no block appeared as being there now")
    for kind, values in delays.items():
        expect(statistics.median(values) < 1 and values[-1] < 5, f"{kind} appear late: {values}")


def check_keyboard(page):
    """Tab leads to a warning, and Enter opens it to its stack."""
    page.evaluate("document.activeElement.blur()")
    visited = []
    for _ in range(80):
        page.press("Tab")
        visited.append(page.evaluate("document.activeElement.tagName + '#' + document.activeElement.id"))
        if visited[-1].startswith("SUMMARY"):
            break
    expect(visited[0].startswith("A#"), f"the first stop is not the link that skips to what is blocked: {visited}")
    expect(visited[-1].startswith("SUMMARY"), f"no warning is reached: {visited}")
    expect(page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid", "the focus is not to be seen")
    opened = 0
    for _ in range(80):
        # Enter follows a link, such as those within a warning that is open already.
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            page.press("Enter")
            # The stack is asked for when it is opened; some warnings have none.
            deadline = time.monotonic() + 1
            while not opened and time.monotonic() < deadline:
                opened = page.evaluate("""(() => { const details = document.activeElement.parentElement;
                    return details.open && details.querySelectorAll(".stack li").length })()""")
                page.browser.wait(0.02)
        if opened:
            break
        page.press("Tab")
    expect(opened, "no warning opens to its stack")
    expect(page.evaluate("!!document.activeElement.parentElement.querySelector('.stack .at')"), "no frame is marked")
    say(f"a warning is reached after {len(visited)} stops, and opens to {opened} frames")


def check_flame(page):
    """The flame graph is searched, zoomed by keyboard, and filtered."""
    page.eventually("a flame graph", "document.querySelectorAll('#graph button').length > 5")
    page.evaluate("document.getElementById('graph').scrollIntoView()")
    total = page.evaluate("document.querySelector('#graph button').getAttribute('aria-label')")
    page.evaluate("document.getElementById('flame-search').focus()")
    page.write("sleep")
    found = page.evaluate("document.getElementById('flame-found').textContent")
    matches = page.evaluate("""[...document.querySelectorAll('#graph .match')].map((box) => box.getAttribute('aria-label'))""")
    expect(matches and all("sleep" in label.split(":")[0].lower() for label in matches), f"matches: {matches}")
    expect(re.fullmatch(r".+ match, .+ of what is shown", found), f"found: {found!r}")
    page.evaluate("(() => { const s = document.getElementById('flame-search'); s.value = ''; s.dispatchEvent(new Event('input')) })()")
    expect(page.evaluate("document.querySelectorAll('#graph .match').length") == 0, "matches stay after the search")
    page.evaluate("document.querySelector('#graph button[tabindex=\"0\"]').focus()")
    for _ in range(2):
        page.press("ArrowDown")
    chosen = page.evaluate("document.activeElement.getAttribute('aria-label')")
    expect(chosen and chosen != total, "the arrow key does not move")
    expect(page.evaluate("document.getElementById('said').textContent") == chosen, "what has the focus is not told")
    page.press("Enter")
    zoomed = page.evaluate("[document.activeElement.getAttribute('aria-label').split(':')[0], document.activeElement.style.width, "
                           "document.querySelectorAll('#graph .above').length]")
    expect(zoomed[0] == chosen.split(":")[0] and zoomed[1] in ("100%", "100.000%") and zoomed[2] == 2, f"zoom: {zoomed}")
    page.press("Escape")
    page.press("Escape")
    expect(page.evaluate("document.getElementById('flame-reset').disabled"), "Escape does not lead back to the whole graph")
    causes = page.evaluate("[...document.querySelectorAll('#flame-cause option')].map((option) => option.value)")
    expect(len(causes) > 2, f"causes: {causes}")
    def choose(list, value):
        page.evaluate(f"(() => {{ const s = document.getElementById('{list}'); s.value = {json.dumps(value)}; "
                      "s.dispatchEvent(new Event('change')) })()")
        return page.evaluate("[document.querySelector('#graph button').getAttribute('aria-label'), "
                             "[...document.querySelectorAll('#graph button')].filter((box) => box.style.top === '19px')"
                             ".map((box) => box.getAttribute('aria-label').split(':')[0])]")
    grouped = choose("flame-by", "cause")
    expect(set(grouped[1]) & {"syscall", "cpu", "lock"}, f"by cause: {grouped}")
    filtered = choose("flame-cause", causes[1])
    expect(filtered[1] == [causes[1][1:]], f"only {causes[1]}: {filtered}")
    choose("flame-cause", "")
    choose("flame-by", "target")
    say(f"flame graph: {total}; 'sleep': {found}; zoomed to {zoomed[0]}; causes {', '.join(cause[1:] for cause in causes[1:])}")


def check_names(page):
    """Whatever can be operated has a name that can be read out."""
    page.call("Accessibility.enable")
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "link", "searchbox", "textbox", "combobox", "image", "heading", "table", "region"}
    nameless = [(node["role"]["value"], node["nodeId"]) for node in nodes
                if not node["ignored"] and node["role"]["value"] in roles and not node.get("name", {}).get("value", "").strip()]
    page.call("Accessibility.disable")
    expect(not nameless, f"without a name: {nameless}")
    say(f"{len(nodes)} nodes are offered to be read out, and none that can be operated is without a name")


def check_colours(page, pictures):
    """Light and dark differ, and both can be read."""
    seen = {}
    for scheme in ("light", "dark"):
        page.prefer(prefers_color_scheme=scheme)
        page.browser.wait(0.3)
        seen[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        worst = page.evaluate(CONTRAST)
        expect(worst[0][0] >= 4.5, f"{scheme}: too little contrast: {worst}")
        say(f"{scheme}: {seen[scheme]}, the lowest contrast is {worst[0][0]:.2f} ({worst[0][1]!r})")
        if pictures:
            page.evaluate("scrollTo(0, 0)")
            page.picture(pictures / f"{scheme}.png")
            page.picture(pictures / f"{scheme}-whole.png", isWhole=True)
    expect(seen["light"] != seen["dark"], "light and dark are the same")
    page.prefer(prefers_color_scheme="light")


def check_phone(page, pictures):
    """At 375 pixels nothing has to be scrolled to the side."""
    page.resize(375, 812, isPhone=True)
    page.browser.wait(0.5)
    wide = page.evaluate("document.scrollingElement.scrollWidth")
    over = page.evaluate("[...document.querySelectorAll('main *')].filter((node) => node.checkVisibility() "
                         "&& !node.closest('.stack, pre, #graph, svg, .hidden') && node.getBoundingClientRect().right > 376)"
                         ".map((node) => node.tagName + '.' + node.className).slice(0, 5)")
    if pictures:
        page.evaluate("scrollTo(0, 0)")
        page.picture(pictures / "phone.png")
        page.picture(pictures / "phone-whole.png", isWhole=True)
    expect(wide <= 375 and not over, f"the page is {wide} pixels wide: {over}")
    page.resize(1280, 900)
    say("at 375 pixels nothing is cut off and nothing has to be scrolled to the side")


def check_without_script(demo, browser, pictures):
    """Without a script the tables and the warnings are there."""
    page = Page(browser)
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    page.open(f"http://127.0.0.1:{demo.port}/")
    browser.wait(1)
    root = page.call("DOM.getDocument", depth=0)["root"]["nodeId"]
    html = page.call("DOM.getOuterHTML", nodeId=root)["outerHTML"]
    status = json.loads(demo.get("/status", "application/json")[2])
    for target in status["loops"] + status["pools"]:
        expect(f"<bdi>{target['name']}</bdi></th>" in html, f"{target['name']} is not in the table without a script")
    expect('<ol class="stack">' in html and 'href="profile?format=svg"' in html, "no stack, or no picture of the flame graph")
    page.browser.wait(0.3)
    if pictures:
        page.picture(pictures / "without-script.png", isWhole=True)
    expect(not page.complaints, f"the console has: {page.complaints}")
    check_origin(demo, page)
    page.call("Page.close")
    say("without a script every target is in the table")


def check_origin(demo, page):
    """Nothing but the endpoint was asked."""
    foreign = [url for url in page.requests if not url.startswith((f"http://127.0.0.1:{demo.port}/", "data:", "about:"))]
    expect(page.requests and not foreign, f"asked of others: {foreign}")


def check_loss(program, demo, page, pictures):
    """The page says that there is no answer, and takes up a new run by itself."""
    demo.end()
    page.eventually("the notice that there is no answer", "!document.getElementById('stale').hidden", 30)
    if pictures:
        page.picture(pictures / "no-answer.png")
    again = Demo(program, f"127.0.0.1:{demo.port}")
    try:
        page.eventually("the answer of the new run", "document.getElementById('stale').hidden", 30)
        boot = json.loads(again.get("/status", "application/json")[2])["boot"]
        page.eventually("a warning of the new run", f"!!document.querySelector('#warnings-list [data-stall^=\"{boot}-\"]')", 30)
        page.eventually("the stream", "document.getElementById('connection').textContent.includes('live')", 30)
    finally:
        again.end()
    say("after a restart the page goes on by itself, with the warnings of the new run")


def main():
    """Runs all checks."""
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--pictures", type=pathlib.Path)
    options = parser.parse_args()
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    expect(chromium, "there is no Chromium")
    started = time.monotonic()
    demo = browser = None
    try:
        demo = Demo(options.program, "127.0.0.1:0")
        browser = Browser(chromium)
        page = Page(browser)
        page.open(f"http://127.0.0.1:{demo.port}/")
        page.eventually("the script's table", "!!document.querySelector('svg.plot')")
        check_appearance(demo, page)
        check_size(demo)
        check_keyboard(page)
        check_flame(page)
        check_names(page)
        check_colours(page, options.pictures)
        check_phone(page, options.pictures)
        check_without_script(demo, browser, options.pictures)
        check_origin(demo, page)
        expect(not page.complaints, f"the console has: {page.complaints}")
        say(f"{len(page.requests)} requests, all to the endpoint; the console is empty")
        check_loss(options.program, demo, page, options.pictures)
    finally:
        if browser:
            browser.end()
        if demo:
            demo.end()
    say(f"page: passed in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        say(f"page: FAILED: {failure}")
        sys.exit(1)
