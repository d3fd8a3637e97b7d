// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The page's script: it shows what `/status`, `/warnings` and `/profile` tell, and keeps it current.
///
/// Everything that comes from outside, such as names, becomes text of nodes: nothing is ever parsed as HTML, which the
/// page's policy of trusted types enforces where a browser knows them.
enum PageScript {
    /// The script, as it stands between its tags.
    static let text =
        "\n\"use strict\";\n(() => {\n" + tools + PageScriptNow.text + PageScriptTargets.text + PageScriptWarnings.text
        + PageScriptFlame.text + PageScriptLive.text + "})();\n"

    /// Nodes, numbers and words.
    private static let tools = #"""
        const $ = (id) => document.getElementById(id);
        const root = document.documentElement;
        root.classList.add("js");
        const calm = matchMedia("(prefers-reduced-motion: reduce)");

        // Makes a node; texts among the children stay texts.
        function el(tag, attributes, ...children) {
          const node = tag === "svg" || tag === "path"
            ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
          for (const [name, value] of Object.entries(attributes || {}))
            if (value !== undefined && value !== null && value !== false) node.setAttribute(name, value);
          node.append(...children.filter((child) => child !== undefined && child !== null && child !== ""));
          return node;
        }
        // Changes a node only where it differs, so that nothing flickers and nothing is read out twice.
        function say(node, text) { if (node.textContent !== text) node.textContent = text; }
        function set(node, name, value) {
          if (value === undefined || value === null || value === false) node.removeAttribute(name);
          else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
        }
        // Puts nodes in order without touching those that are in place: focus and selection stay.
        function arrange(parent, nodes) {
          let next = parent.firstChild;
          for (const node of nodes) {
            if (node === next) next = next.nextSibling; else parent.insertBefore(node, next);
          }
          while (next) { const gone = next; next = next.nextSibling; gone.remove(); }
        }

        const thin = "\u202f";
        function duration(ms) {
          if (ms === undefined || ms === null) return "\u2013";
          if (!(ms > 0)) return "0" + thin + "ms";
          if (ms < 1) return Math.max(1, Math.round(ms * 1000)) + thin + "\u00b5s";
          if (ms < 10) return ms.toFixed(2) + thin + "ms";
          if (ms < 1000) return Math.round(ms) + thin + "ms";
          if (ms < 10000) return (ms / 1000).toFixed(2) + thin + "s";
          if (ms < 60000) return (ms / 1000).toFixed(1) + thin + "s";
          const seconds = Math.floor(ms / 1000), two = (number) => String(number).padStart(2, "0");
          if (seconds < 3600) return Math.floor(seconds / 60) + "m" + thin + two(seconds % 60) + "s";
          return Math.floor(seconds / 3600) + "h" + thin + two(Math.floor(seconds / 60) % 60) + "m";
        }
        const percent = (share) => (share * 100).toFixed(share < 0.1 ? 1 : 0) + thin + "%";
        const plural = (count, one) => count + " " + one + (count === 1 ? "" : "s");
        // Times are UTC, as in the log: 19:00:01.123, with its day where that is not today.
        function clock(time, digits = 3) {
          const text = time.slice(11, digits ? 20 + digits : 19);
          return time.slice(0, 10) === new Date().toISOString().slice(0, 10) ? text : time.slice(5, 10) + " " + text;
        }
        const marks = { warning: "\u25b2", error: "\u25c6", critical: "\u25a0" };
        const causes = {
          cpu: ["computing", "It computes: do it in parts, or on a thread of its own."],
          syscall: ["sleeping in a system call", "It sleeps in the kernel: use the asynchronous form of this call, or"
            + " a pool of threads for calls that block."],
          lock: ["waiting for a lock", "Whoever holds the lock decides how long this takes: hold it for less, and never"
            + " wait for it on a loop."],
          runqueue: ["ready, and not run by the kernel", "The machine has too little CPU: this is not the code's doing."],
          throttled: ["CPU quota used up", "The container's CPU quota is used up: raise it, or use fewer threads."],
          suspended: ["the whole process stood still", "A stop signal, or a machine that was paused."],
          congestion: ["very many short jobs", "No job is long, there are too many: shed load, or add loops."],
          starvation: ["every thread is held", "No thread is left for the jobs that wait: what holds them is to be"
            + " found in the stacks."],
          unknown: ["cause unknown", ""],
        };
        function causeWords(cause) {
          if (!cause) return "";
          const [label, call] = cause.split(":"), known = causes[label];
          if (label === "syscall" && call) return "in system call " + call;
          return known ? known[0] : cause;
        }
        function place(frame, isWhole) {
          if (!frame) return "";
          const file = frame.file ? " " + (isWhole ? frame.file : frame.file.split("/").pop())
            + (frame.line ? ":" + frame.line : "") : "";
          return frame.function + (frame.uncertain ? "?" : "") + file;
        }
        const own = { process: undefined };
        // Of a process that is watched from outside, targets carry its name.
        const titled = (process, name) => process && process !== own.process ? process + "/" + name : name;

        """#
}
