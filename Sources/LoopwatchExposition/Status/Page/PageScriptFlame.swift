// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The part of the page's script that draws the flame graph of blocked time: searched, zoomed, by target and by cause.
enum PageScriptFlame {
    /// The part.
    static let text = #"""
        const flame = { data: undefined, tree: undefined, path: [], boxes: new Map(), stamp: undefined };
        const rowHeight = 19, boxesMost = 3000;

        async function loadFlame() {
          try {
            const answer = await fetch("profile?format=flame", { cache: "no-store", signal: AbortSignal.timeout(10000) });
            if (!answer.ok) return;
            const data = await answer.json(), stamp = [data.began, data.stalls, data.blocked_ms].join();
            if (stamp === flame.stamp) return;
            flame.stamp = stamp;
            flame.data = data;
            options($("flame-target"), "every target", data.stacks.flatMap((stack) => stack.shares.map((share) => share[0])));
            options($("flame-cause"), "every cause", data.stacks.flatMap((stack) => stack.shares.map((share) => share[1])));
            plant();
          } catch { /* The line at the top says that there is no answer. */ }
        }
        function options(select, all, values) {
          const chosen = select.value, texts = [...new Set(values)].sort();
          const nodes = [el("option", { value: "" }, all), ...texts.map((text) => el("option", { value: "=" + text }, text))];
          select.replaceChildren(...nodes);
          if (nodes.some((node) => node.value === chosen)) select.value = chosen;
        }
        const node = (label, kind, note, parent) => ({ label, kind, note, parent, ms: 0, children: new Map(),
          key: parent ? parent.key + "\u0000" + kind + label : "", depth: parent ? parent.depth + 1 : 0 });
        function child(parent, label, kind, note) {
          const key = kind + "\u0000" + label;
          if (!parent.children.has(key)) parent.children.set(key, node(label, kind, note, parent));
          return parent.children.get(key);
        }
        // Puts the stacks together that the two lists let through.
        function plant() {
          const target = $("flame-target").value, cause = $("flame-cause").value, by = $("flame-by").value, data = flame.data;
          const tree = node("all", "none", "");
          const pass = (chosen, value) => !chosen || chosen === "=" + value;
          const add = (labels, frames, ms) => {
            let at = tree;
            at.ms += ms;
            for (const label of labels) { at = child(at, label, "none", ""); at.ms += ms; }
            for (const index of frames) {
              const frame = data.frames[index];
              at = child(at, frame[0], frame[2] + (frame[3] ? " async" : ""), frame[1]);
              at.ms += ms;
            }
          };
          for (const stack of data.stacks)
            for (const [name, why, ms] of stack.shares)
              if (pass(target, name) && pass(cause, why))
                add(by === "target" ? [name] : by === "cause" ? [why] : by === "both" ? [name, why] : [], stack.path, ms);
          if (!target && !cause) for (const [label, ms] of data.rest) if (ms > 0) add([label], [], ms);
          flame.tree = tree;
          show(flame.path);
        }
        function find(path) {
          let at = flame.tree;
          for (const key of path) { if (!at.children.has(key)) break; at = at.children.get(key); }
          return at;
        }
        function pathOf(at) {
          const path = [];
          for (; at.parent; at = at.parent) path.unshift(at.kind + "\u0000" + at.label);
          return path;
        }
        // Draws what lies below a node over the whole width, and above it what led there.
        function show(path) {
          const zoomed = find(path), graph = $("graph"), focused = document.activeElement && document.activeElement.node;
          const narrowest = 1.5 / Math.max(200, graph.clientWidth), drawn = [], old = flame.boxes;
          flame.path = pathOf(zoomed);
          flame.zoomed = zoomed;
          flame.boxes = new Map();
          for (let at = zoomed; at; at = at.parent) drawn.unshift([at, 0, 1, at !== zoomed]);
          const queue = [[zoomed, 0, 1]];
          for (let index = 0; index < queue.length && drawn.length < boxesMost; index++) {
            const [at, left, share] = queue[index];
            let x = left;
            for (const below of [...at.children.values()].sort((a, b) => b.ms - a.ms)) {
              const part = at.ms > 0 ? share * below.ms / at.ms : 0;
              if (part >= narrowest) { drawn.push([below, x, part, false]); queue.push([below, x, part]); }
              x += part;
            }
          }
          let deepest = 0;
          const nodes = drawn.map(([at, left, share, isAbove]) => {
            const box = old.get(at.key) || el("button", { type: "button", tabindex: "-1" });
            old.delete(at.key);
            flame.boxes.set(at.key, box);
            box.node = at;
            set(box, "class", at.kind + (isAbove ? " above" : ""));
            set(box, "aria-label", told(at));
            say(box, share > 0.02 ? at.label : "");
            box.style.left = (left * 100).toFixed(3) + "%";
            box.style.width = (share * 100).toFixed(3) + "%";
            box.style.top = at.depth * rowHeight + "px";
            deepest = Math.max(deepest, at.depth);
            return box;
          });
          graph.style.height = (deepest + 1) * rowHeight + "px";
          arrange(graph, flame.tree.ms > 0 ? nodes : []);
          $("flame-none").hidden = flame.tree.ms > 0;
          graph.hidden = flame.tree.ms <= 0;
          $("flame-reset").disabled = !zoomed.parent;
          const kept = focused && flame.boxes.get(focused.key);
          set(kept || flame.boxes.get(zoomed.key), "tabindex", "0");
          for (const box of nodes) if (box !== (kept || flame.boxes.get(zoomed.key))) set(box, "tabindex", "-1");
          search();
        }
        const told = (at) => at.label + (at.kind.endsWith("async") ? ", awaits" : "") + (at.note ? ", in " + at.note : "") + ": "
          + duration(at.ms) + ", " + percent(flame.tree.ms ? at.ms / flame.tree.ms : 0);
        function search() {
          const text = $("flame-search").value.toLowerCase(), graph = $("graph"), hit = (at) => at.label.toLowerCase().includes(text);
          graph.classList.toggle("found", text !== "");
          for (const box of flame.boxes.values()) box.classList.toggle("match", text !== "" && hit(box.node));
          // Time below a match counts once, also of what is too narrow to be drawn.
          const sum = (at) => at.parent && hit(at) ? at.ms : [...at.children.values()].reduce((ms, below) => ms + sum(below), 0);
          const ms = text ? sum(flame.zoomed) : 0;
          say($("flame-found"), text ? duration(ms) + " match, " + percent(flame.zoomed.ms ? ms / flame.zoomed.ms : 0) + " of what is shown" : "");
        }
        function zoom(at) {
          show(pathOf(at));
          const box = flame.boxes.get(at.key);
          if (box) box.focus({ preventScroll: true });
        }
        function walk(event, at) {
          const visible = (all) => all.filter((one) => flame.boxes.has(one.key)).sort((a, b) => b.ms - a.ms);
          const siblings = at.parent ? visible([...at.parent.children.values()]) : [at], index = siblings.indexOf(at);
          const next = { ArrowUp: at.parent, ArrowDown: visible([...at.children.values()])[0], ArrowLeft: siblings[index - 1],
            ArrowRight: siblings[index + 1], Home: flame.tree }[event.key];
          if (event.key === "Escape" && flame.zoomed.parent) zoom(flame.zoomed.parent);
          else if (next) focusBox(next); else return;
          event.preventDefault();
        }
        function focusBox(at) {
          for (const box of flame.boxes.values()) set(box, "tabindex", "-1");
          const box = flame.boxes.get(at.key);
          set(box, "tabindex", "0");
          box.focus();
        }
        {
          const graph = $("graph"), about = (event) => event.target.node && say($("said"), told(event.target.node));
          graph.addEventListener("click", (event) => { if (event.target.node) zoom(event.target.node); });
          graph.addEventListener("keydown", (event) => { if (event.target.node) walk(event, event.target.node); });
          graph.addEventListener("pointerover", about);
          graph.addEventListener("focusin", about);
          graph.addEventListener("pointerleave", () => say($("said"), ""));
          $("flame-search").addEventListener("input", () => { if (flame.tree) search(); });
          $("flame-reset").addEventListener("click", () => { if (flame.tree) zoom(flame.tree); });
          for (const id of ["flame-target", "flame-cause", "flame-by"])
            $(id).addEventListener("change", () => { if (flame.data) plant(); });
          addEventListener("resize", () => { if (flame.tree) show(flame.path); });
        }

        """#
}
