// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The part of the page's script that shows what is blocked now, counting, in the page, its title and its icon.
enum PageScriptNow {
    /// The part.
    static let text = #"""
        const cards = new Map();
        let announced = new Set(), isFirst = true, isOld = false;

        function blocksOf(status) {
          const all = [];
          for (const [subject, targets] of [["loop", status.loops], ["pool", status.pools]])
            for (const target of targets) {
              const add = (block, isHold) => all.push({ subject, target, block, isHold,
                key: [status.boot, subject, target.pid, target.name, isHold, block.stall ?? ""].join("\u0000") });
              if (target.current) add(target.current, false);
              for (const hold of target.holds || []) add(hold, true);
            }
          return all.sort((a, b) => b.block.blocked_ms - a.block.blocked_ms);
        }
        function severity(target, ms) {
          const limits = target.thresholds_ms;
          return ms >= limits.critical ? "critical" : ms >= limits.error ? "error" : "warning";
        }
        function sentence({ subject, target, isHold }) {
          return subject + " " + titled(target.process, target.name) + (isHold ? " has a thread held" : " is blocked");
        }
        function makeCard() {
          const card = { node: el("article", { class: "card" }), dur: el("span", {}), mark: el("span", { class: "mark",
            "aria-hidden": "true" }), what: el("b", {}), words: el("span", {}), where: el("p", { class: "where mono" }),
            why: el("p", {}), link: el("a", {}, "stack") };
          card.node.append(el("p", { class: "for" }, card.mark, " ", card.dur), el("p", {}, card.what, " ", card.words),
            card.where, card.why);
          card.link.addEventListener("click", (event) => { event.preventDefault(); openWarning(card.warning); });
          return card;
        }
        function showNow(status, received) {
          const blocks = blocksOf(status), shown = blocks.slice(0, 8), list = $("now-list"), nodes = [], seen = new Set();
          for (const item of shown) {
            const card = cards.get(item.key) || makeCard(), { block, target } = item;
            cards.set(item.key, card);
            seen.add(item.key);
            Object.assign(card, { began: received - block.blocked_ms, item });
            say(card.what, item.subject + " " + titled(target.process, target.name));
            say(card.words, item.isHold ? "one thread is held" : "is blocked" + (block.cause ? ": "
              + causeWords(block.cause) : ""));
            say(card.where, place(block.at));
            const facts = [block.cause, block.cause_detail, "since " + clock(block.since),
              block.evidence && block.evidence !== "exact" ? "evidence: " + block.evidence : ""].filter(Boolean).join(" \u00b7 ");
            if (!card.facts) card.why.append(card.facts = el("span", {}), " ", card.link);
            say(card.facts, facts + " \u00b7");
            card.warning = block.stall === undefined ? undefined : status.boot + "-" + block.stall;
            set(card.link, "href", block.stack_id ? "stalls/" + block.stack_id : "#warnings");
            card.link.hidden = card.warning === undefined;
            set(card.node, "data-stall", card.warning);
            nodes.push(card.node);
          }
          for (const key of cards.keys()) if (!seen.has(key)) cards.delete(key);
          const blocked = blocks.length;
          if (!blocked) nodes.push(calmNode(status));
          if (blocked > shown.length) nodes.push(el("p", { class: "note" }, "and " + plural(blocked - shown.length, "more block")
            + ", in the tables below"));
          for (const part of status.components.filter((part) => !part.up))
            nodes.push(el("p", { class: "alarm" }, "Not running: " + part.name));
          arrange(list, nodes);
          count();
          announce(blocks);
          document.title = (blocked ? "\u25a0 " + sentence(blocks[0]) + (blocked > 1 ? " +" + (blocked - 1) : "") + " - " : "")
            + status.process + " - loopwatch";
          icon(blocked ? "%23d9480f" : "%230a6a5d");
        }
        const calmly = { node: el("p", { class: "well" }), title: el("b", {}), last: el("span", {}) };
        calmly.node.append(calmly.title, " ", calmly.last);
        function calmNode() {
          say(calmly.title, "\u25cf Nothing is blocked now.");
          const entry = latestEnded();
          say(calmly.last, entry ? "The last: " + entry.report.message + " (" + entry.name + "), "
            + clock(entry.report.time, 0) + (entry.report.at ? ", at " + place(entry.report.at) : "") : "");
          return calmly.node;
        }
        function count() {
          if (isOld) return;
          const now = performance.now();
          for (const card of cards.values()) {
            const ms = now - card.began, level = severity(card.item.target, ms);
            say(card.dur, duration(ms));
            set(card.node, "class", "card " + level);
            say(card.mark, marks[level]);
          }
        }
        setInterval(() => { if (!calm.matches) count(); }, 100);
        setInterval(() => { if (calm.matches) count(); }, 1000);

        // Read out: what begins, at most three of it at once, and that all is well again.
        function announce(blocks) {
          const keys = new Set(blocks.map((item) => item.key)), begun = blocks.filter((item) => !announced.has(item.key));
          const texts = begun.slice(0, 3).map((item) => sentence(item) + (item.block.at ? ", at " + place(item.block.at) : ""));
          if (begun.length > 3) texts.push("and " + (begun.length - 3) + " more");
          if (!blocks.length && announced.size) texts.push("nothing is blocked any more");
          if (texts.length && !(isFirst && !blocks.length)) say($("said-now"), texts.join("; "));
          announced = keys;
          isFirst = false;
        }
        let iconColour;
        function icon(colour) {
          if (colour === iconColour) return;
          iconColour = colour;
          $("icon").href = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E"
            + "%3Ccircle cx='4' cy='4' r='3.5' fill='" + colour + "'/%3E%3C/svg%3E";
        }

        """#
}
