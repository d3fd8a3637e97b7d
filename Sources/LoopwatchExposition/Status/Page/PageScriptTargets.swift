// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The part of the page's script that shows the targets: two tables, each row with a plot of the last minutes.
enum PageScriptTargets {
    /// The part.
    static let text = #"""
        // The plots have one scale, so that they can be compared: 0.1 ms at the bottom, 10 s at the top, logarithmic.
        const width = 240, height = 30, decades = 5, rowsFirst = 100;
        const level = (us) => us > 0 ? Math.min(1, Math.max(0.03, (Math.log10(us) - 2) / decades)) : 0;
        const up = (us) => (height - 1 - level(us) * (height - 2)).toFixed(1);
        const interval = { ms: 5000, points: 180, last: undefined };
        const rows = new Map();
        const total = (target) => target.stalls.warning + target.stalls.error + target.stalls.critical;

        const columns = {
          name: { title: "name", of: (target) => titled(target.process, target.name) },
          state: { title: "state", of: (target) => target.current ? target.current.blocked_ms : 0 },
          plot: { title: "last 15 min, log scale" },
          p50: { title: "p50", of: (target) => target.lag.p50_ms },
          p99: { title: "p99", of: (target) => target.lag.p99_ms },
          max: { title: "max", of: (target) => target.lag.max_ms },
          busy: { title: "busy threads", of: (target) => target.busy / (target.threads || 1) },
          waiting: { title: "waiting (most)", of: (target) => target.waiting },
          blocked: { title: "blocked in all", of: (target) => target.blocked_ms },
          longest: { title: "longest", of: (target) => target.longest_ms },
          stalls: { title: "blocks", of: total },
        };
        const tables = ["loop", "pool"].map((subject) => ({ subject, sort: undefined, isDown: true, most: rowsFirst, filter: "",
          columns: ["name", "state", "plot", "p50", "p99", "max"].concat(subject === "pool" ? ["busy", "waiting"] : [],
            ["blocked", "longest", "stalls"]) }));

        function makeTable(table) {
          const heads = table.columns.map((id) => {
            const column = columns[id], title = id === "plot" ? (table.subject === "loop" ? "lag, " : "wait in the queue, ")
              + column.title : column.title;
            const head = el("th", { scope: "col", role: "columnheader", class: id === "name" || id === "plot" ? "left" : null });
            if (!column.of) { head.append(title); return head; }
            const button = el("button", { type: "button", title: "sort" }, title);
            button.addEventListener("click", () => {
              table.isDown = table.sort === id ? !table.isDown : id !== "name";
              table.sort = id;
              for (const other of heads) set(other, "aria-sort", other === head ? table.isDown ? "descending" : "ascending" : null);
              showTable(table);
            });
            head.append(button);
            return head;
          });
          table.body = el("tbody", { role: "rowgroup" });
          table.more = el("button", { type: "button" });
          table.more.addEventListener("click", () => { table.most += 400; showTable(table); });
          const label = table.subject === "loop" ? "Loops" : "Pools";
          table.node = el("div", { class: "table", tabindex: "0", role: "region", "aria-label": label }, el("table", { role: "table",
            "aria-label": label }, el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ...heads)), table.body));
          table.search = el("input", { type: "search", placeholder: "find a " + table.subject, "aria-label": "find a "
            + table.subject });
          table.search.addEventListener("input", () => { table.filter = table.search.value.toLowerCase(); showTable(table); });
          const section = $(table.subject + "s");
          section.querySelector(".head").append(el("span", { class: "space" }), table.search);
          section.querySelector(".static").replaceWith(table.node, table.more);
        }
        tables.forEach(makeTable);

        function makeRow(table) {
          const row = { cells: {}, max: [], blocked: [], drawn: undefined };
          row.node = el("tr", { role: "row" });
          for (const id of table.columns) {
            const cell = row.cells[id] = el(id === "name" ? "th" : "td", { role: id === "name" ? "rowheader" : "cell",
              scope: id === "name" ? "row" : null, class: id === "state" ? "state" : id === "plot" ? "wide" : null,
              "data-label": id === "name" || id === "state" ? null : columns[id].title });
            row.node.append(cell);
          }
          row.cells.name.append(row.title = el("span", {}), row.note = el("small", {}));
          row.area = el("path", { class: "area" });
          row.over = el("path", { class: "over" });
          row.limit = el("path", { class: "limit" });
          row.plot = el("svg", { class: "plot", viewBox: "0 0 " + width + " " + height, preserveAspectRatio: "none",
            role: "img" }, row.area, row.limit, row.over);
          row.plot.addEventListener("pointermove", (event) => tell(row, event));
          row.plot.addEventListener("pointerleave", () => say($("tip"), ""));
          row.cells.plot.append(row.plot);
          if (row.cells.busy) {
            row.cells.busy.append(row.meter = el("span", { class: "meter", "aria-hidden": "true" }, row.bar = el("i", {})),
              row.busy = el("span", {}));
          }
          return row;
        }
        // Takes the points that are new; intervals that were missed stay empty.
        function takePoints(row, target, last) {
          if (!target.history || last === undefined) return;
          const { max_us: max, blocked_us: blocked } = target.history;
          const missed = row.last === undefined ? max.length : Math.min(interval.points, last - row.last);
          for (let index = max.length - missed; index < max.length; index++) {
            row.max.push(index < 0 ? null : max[index]);
            row.blocked.push(index < 0 ? null : blocked[index]);
          }
          row.max.splice(0, row.max.length - interval.points);
          row.blocked.splice(0, row.blocked.length - interval.points);
          row.last = last;
        }
        // The interval that is not over is drawn as far as it is known: what blocks now.
        function draw(row, target) {
          const going = target.current ? target.current.blocked_ms * 1000 : 0, limit = target.thresholds_ms.warning * 1000;
          const stamp = [row.last, going > 0, up(going)].join();
          if (row.drawn === stamp) return;
          row.drawn = stamp;
          const values = row.max.concat([going]), step = width / interval.points, left = width - values.length * step;
          let area = "", over = "", isOpen = false;
          values.forEach((value, index) => {
            if (value === null) { if (isOpen) area += "V" + height; isOpen = false; return; }
            const x = (left + index * step).toFixed(2), end = (left + (index + 1) * step).toFixed(2);
            area += isOpen ? "V" + up(value) + "H" + end : "M" + x + " " + height + "V" + up(value) + "H" + end;
            isOpen = true;
            if (value >= limit) over += "M" + x + " " + height + "V" + up(value) + "H" + end + "V" + height + "Z";
          });
          row.area.setAttribute("d", area + (isOpen ? "V" + height : ""));
          row.over.setAttribute("d", over);
          row.limit.setAttribute("d", "M0 " + up(limit) + "H" + width);
          row.plot.setAttribute("aria-label", "highest in each " + interval.ms / 1000 + " s of the last 15 minutes; highest of all "
            + duration(target.lag.max_ms));
        }
        function tell(row, event) {
          const box = row.plot.getBoundingClientRect(), back = Math.floor((box.right - event.clientX) / box.width * interval.points);
          const index = row.max.length - back, value = row.max[index], blocked = row.blocked[index], tip = $("tip");
          const ago = (back * interval.ms) / 1000;
          say(tip, back < 1 ? "now" : (value === undefined || value === null ? "not recorded" : "up to " + duration(value / 1000)
            + (blocked ? ", blocked for " + duration(blocked / 1000) : "")) + ", " + duration(ago * 1000) + " ago");
          tip.style.left = Math.max(4, Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 4)) + "px";
          tip.style.top = Math.max(4, box.top - 26) + "px";
        }

        function fill(row, target, table) {
          const cells = row.cells, block = target.current, levelName = block ? severity(target, block.blocked_ms) : "";
          set(row.node, "class", block ? "blocked " + levelName : null);
          say(row.title, titled(target.process, target.name));
          say(row.note, [target.remote ? "pid " + target.pid : "", target.remote, target.accounting && target.accounting !== "exact"
            ? "accounted by " + target.accounting : "", target.congested_ms > 0 ? "congested for " + duration(target.congested_ms)
            : ""].filter(Boolean).join("; "));
          say(cells.state, block ? marks[levelName] + " blocked " + duration(block.blocked_ms)
            : target.held ? marks.warning + " " + plural(target.held, "thread") + " held" : "free");
          for (const id of ["p50", "p99", "max"]) say(cells[id], duration(columns[id].of(target)));
          if (cells.busy) {
            const { busy, threads, waiting } = target, share = threads ? Math.min(1, (busy || 0) / threads) : 0;
            row.meter.hidden = busy === undefined || !threads;
            row.bar.style.width = share * 100 + "%";
            row.meter.classList.toggle("full", share === 1);
            say(row.busy, busy === undefined ? threads === undefined ? "\u2013" : "of " + threads : busy + (threads === undefined
              ? "" : " of " + threads));
            say(cells.waiting, waiting === undefined ? "\u2013" : waiting + (target.waiting_max === undefined ? "" : " ("
              + target.waiting_max + ")"));
          }
          say(cells.blocked, target.blocked_ms ? duration(target.blocked_ms) : "\u2013");
          say(cells.longest, target.longest_ms ? duration(target.longest_ms) : "\u2013");
          const { warning, error, critical } = target.stalls;
          say(cells.stalls, total(target) ? [[warning, "warning"], [error, "error"], [critical, "critical"]]
            .filter(([count]) => count).map(([count, name]) => marks[name] + thin + count).join("  ") : "\u2013");
          set(cells.stalls, "title", plural(warning, "warning") + ", " + plural(error, "error") + ", " + critical + " critical");
          draw(row, target);
        }
        function showTable(table) {
          let found = table.targets.filter((target) => !table.filter || titled(target.process, target.name).toLowerCase()
            .includes(table.filter));
          const of = table.sort && columns[table.sort].of, sign = table.isDown ? -1 : 1;
          const worth = (value) => value === undefined || Number.isNaN(value) ? -1 : value;
          if (of) found = found.slice().sort((a, b) => {
            const [left, right] = [worth(of(a)), worth(of(b))];
            return sign * (left < right ? -1 : left > right ? 1 : 0);
          });
          table.search.hidden = table.targets.length < 8;
          table.more.hidden = found.length <= table.most;
          say(table.more, "show more: " + (found.length - table.most) + " are not shown");
          table.node.hidden = !found.length;
          arrange(table.body, found.slice(0, table.most).map((target) => {
            const row = rows.get(target.key);
            fill(row, target, table);
            return row.node;
          }));
        }
        function showTargets(status) {
          Object.assign(interval, { ms: status.history.interval_ms, points: status.history.points });
          const seen = new Set();
          for (const table of tables) {
            table.targets = table.subject === "loop" ? status.loops : status.pools;
            for (const target of table.targets) {
              target.key = [table.subject, target.pid, target.process, target.name].join("\u0000");
              if (!rows.has(target.key)) rows.set(target.key, makeRow(table));
              takePoints(rows.get(target.key), target, status.history.last);
              seen.add(target.key);
            }
            const blocked = table.targets.filter((target) => target.current).length;
            say($(table.subject + "s-count"), table.targets.length ? table.targets.length + (blocked ? ", " + blocked + " blocked" : "")
              : "none is registered");
            showTable(table);
          }
          for (const key of rows.keys()) if (!seen.has(key)) rows.delete(key);
        }

        """#
}
