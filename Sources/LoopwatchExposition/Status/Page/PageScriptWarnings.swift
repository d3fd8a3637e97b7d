// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The part of the page's script that lists the warnings as they come, one entry a block, each opening to its stack.
enum PageScriptWarnings {
    /// The part.
    static let text = #"""
        const entries = new Map(), warningsMost = 300;
        let lastIdentifier;

        function openWarning(key) {
          const entry = entries.get(key);
          if (!entry) return;
          entry.details.open = true;
          entry.summary.focus();
          entry.node.scrollIntoView({ block: "start", behavior: calm.matches ? "auto" : "smooth" });
        }
        function latestEnded() {
          for (const entry of entries.values()) if (entry.report.state === "ended" && entry.report.kind !== "interruption")
            return entry;
        }
        function makeEntry() {
          const span = (name) => el("span", { class: name });
          const entry = { when: span("mono"), badge: span("badge"), name_: span("name"), dur: span("dur"), why: span("why"),
            place: span("place mono"), body: el("div", { class: "detail" }) };
          entry.summary = el("summary", {}, entry.when, entry.badge, entry.name_, entry.dur, entry.why, entry.place);
          entry.details = el("details", {}, entry.summary, entry.body);
          entry.node = el("li", {}, entry.details);
          entry.details.addEventListener("toggle", () => { if (entry.details.open) unfold(entry); });
          return entry;
        }
        // Takes a report; reports come again after a reconnection, and change nothing then.
        function takeWarning(report, isLive) {
          lastIdentifier = report.id;
          const dash = report.id.lastIndexOf("-"), boot = report.id.slice(0, dash), sequence = Number(report.id.slice(dash + 1));
          const key = boot + "-" + report.stall, known = entries.get(key);
          if (known && known.sequence >= sequence) return;
          const entry = known || makeEntry();
          Object.assign(entry, { sequence, report, name: titled(report.process, report.loop ?? report.pool ?? "") || report.process });
          // Stacks are written once, with the report that has them.
          if (report.stack) entry.stack = report.stack;
          if (report.at) entry.at = report.at; else report.at = entry.at;
          if (report.groups) entry.groups = report.groups;
          const subject = report.loop !== undefined ? "loop " : report.pool !== undefined ? "pool " : "process ";
          const isGoing = report.state !== "ended";
          set(entry.node, "class", [report.severity, isGoing ? "going" : "", isLive ? "fresh" : ""].filter(Boolean).join(" "));
          say(entry.when, clock(report.began));
          entry.when.title = report.began;
          say(entry.badge, report.severity ? marks[report.severity] + " " + report.severity : "\u25cb info");
          say(entry.name_, subject + entry.name);
          say(entry.dur, duration(report.blocked_ms));
          say(entry.why, (isGoing ? "goes on: " : "") + (report.kind === "stall" ? "" : { hold: "thread held", congestion: "congested",
            interruption: "did not run" }[report.kind] + ", ") + (report.cause || ""));
          say(entry.place, place(report.at) || report.why || (report.stack_omitted ? "no stack: " + report.stack_omitted : ""));
          entry.place.title = place(report.at, true);
          if (!known) {
            entries.set(key, entry);
            set(entry.node, "data-stall", key);
            $("warnings-list").prepend(entry.node);
            // Ordered by when they came; the newest is first in the map too.
            const rest = [...entries].filter(([other]) => other !== key);
            entries.clear();
            entries.set(key, entry);
            for (const [other, value] of rest.slice(0, warningsMost - 1)) entries.set(other, value);
            for (const [, value] of rest.slice(warningsMost - 1)) value.node.remove();
          }
          if (entry.details.open) unfold(entry);
          say($("warnings-count"), plural(entries.size, "block"));
          $("warnings-none").hidden = true;
        }
        function fact(...parts) { return el("p", {}, ...parts); }
        function unfold(entry) {
          const { report, stack, at } = entry, nodes = [], hint = causes[(report.cause || "").split(":")[0]];
          nodes.push(fact(el("b", {}, report.message), report.state === "ended" ? ", over" : ", goes on", ": began ",
            el("span", { class: "mono" }, report.began), report.blocked_ms_most ? ", at most " + duration(report.blocked_ms_most) : "",
            report.interrupted_ms ? ", beside " + duration(report.interrupted_ms) + " in which the process stood still" : ""));
          nodes.push(fact("Cause: ", el("code", {}, report.cause), " \u2013 " + causeWords(report.cause), report.cause_detail
            ? el("span", {}, ", of ", el("code", {}, report.cause_detail)) : "", report.cpu === undefined ? "" : "; CPU "
            + percent(report.cpu), report.tid ? "; thread " + report.tid : "", report.evidence ? "; process " + report.process
            + " (pid " + report.pid + "), evidence: " + report.evidence : ""));
          if (hint && hint[1]) nodes.push(el("p", { class: "hint" }, hint[1]));
          if (report.why) nodes.push(fact(report.why));
          if (report.holders) nodes.push(fact("Held by: " + report.holders.map((job) => (job.name || job.kind)
            + (job.task === undefined ? "" : " (task " + job.task + ")") + " on thread " + job.tid).join(", ")));
          if (report.job) nodes.push(fact("Job: " + (report.job.name || report.job.kind) + " on thread " + report.job.tid));
          for (const group of entry.groups || [])
            nodes.push(fact(plural(group.threads, "thread") + " at ", el("code", {}, place(group.at)), " ", stackLink(group.stack_id)));
          if (report.suppressed) nodes.push(el("p", { class: "hint" }, "Before it, " + plural(report.suppressed, "block")
            + " of the same kind " + (report.suppressed === 1 ? "was" : "were") + " counted and not listed (rate limit)."));
          if (stack) nodes.push(stackNode(stack, at), report.stack_truncated ? fact("\u2026 outer frames are left out") : "");
          else if (report.stack_omitted) nodes.push(fact("No stack: " + report.stack_omitted));
          if (report.stack_id) nodes.push(fact(stackLink(report.stack_id, "all blocks with this stack")));
          arrange(entry.body, nodes.filter(Boolean));
        }
        const stackLink = (identifier, text) => identifier ? el("a", { href: "stalls/" + encodeURIComponent(identifier) },
          text || "stack " + identifier) : "";
        function stackNode(stack, at) {
          const list = el("ol", { class: "stack", "aria-label": "stack, innermost frame first" });
          let isFound = false;
          for (const frame of stack) {
            const isAt = !isFound && at !== undefined && frame.address === at.address && frame.function === at.function;
            isFound ||= isAt;
            list.append(el("li", { class: isAt ? "at" : frame.origin === "host" ? null : "rest" }, isAt ? el("span", { class: "hidden" },
              "blocked here: ") : "", frame.link === "asynchronous" ? el("small", {}, "awaited by ") : "", place(frame, true), " ",
              el("small", {}, frame.module + (frame.file ? "" : " " + frame.offset))));
          }
          return list;
        }

        """#
}
