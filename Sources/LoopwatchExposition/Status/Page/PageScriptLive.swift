// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The part of the page's script that keeps it current: it asks for the status, follows the warnings, and says so when
/// there is no answer.
enum PageScriptLive {
    /// The part.
    static let text = #"""
        let boot, asked = 0, answered = performance.now(), isAsking = false, isWanted = false, timer, following;
        const patience = 4000;

        function ask() {
          clearTimeout(timer);
          // What begins and ends very often is asked about four times a second at most.
          const pause = asked + 250 - performance.now();
          if (isAsking || pause > 0) { isWanted = true; if (!isAsking) timer = setTimeout(ask, pause); return; }
          isAsking = true;
          isWanted = false;
          asked = performance.now();
          look().finally(() => {
            isAsking = false;
            // Very many targets take their time: the endpoint is not kept busy with one page.
            const took = performance.now() - asked;
            timer = setTimeout(ask, isWanted ? 250 : Math.max(document.hidden ? 5000 : 1000, 10 * took));
          });
        }
        async function look() {
          const count = interval.last === undefined ? interval.points
            : Math.min(interval.points, Math.ceil((performance.now() - interval.asked) / interval.ms) + 2);
          const started = performance.now();
          try {
            const answer = await fetch("status?history=" + count, { cache: "no-store", signal: AbortSignal.timeout(8000) });
            if (!answer.ok) throw new Error("answered " + answer.status);
            const status = await answer.json();
            if (boot !== undefined && boot !== status.boot) {
              // Another run: its history begins anew, and is asked for as a whole.
              boot = status.boot;
              rows.clear();
              interval.last = undefined;
              isWanted = true;
              return;
            }
            boot = status.boot;
            own.process = status.process;
            if (status.history.last !== undefined) { interval.last = status.history.last; interval.asked = started; }
            answered = performance.now();
            old(false);
            // What was measured lies between the question and the answer.
            showNow(status, (started + answered) / 2);
            showTargets(status);
            say($("clock"), "pid " + status.pid + ", " + clock(status.time, 0) + " UTC");
          } catch (problem) {
            if (performance.now() - answered > patience) old(true, problem);
          }
        }
        function old(is, problem) {
          if (is && !isOld) say($("stale"), "No answer since " + new Date(Date.now() - (performance.now() - answered)).toISOString()
            .slice(11, 19) + " UTC: the process has ended, or the network is gone. What is shown is from before. ("
            + (problem && problem.message) + ")");
          isOld = is;
          $("stale").hidden = !is;
          for (const id of ["now-list", "loops", "pools"]) $(id).classList.toggle("old", is);
          if (is) say(calmly.title, "\u25cb Nothing was blocked then.");
          if (is) document.title = "? " + document.title.replace(/^[?\u25a0] /, "");
        }

        // Follows the warnings. A browser comes back by itself after a lost connection, but not after an answer that is no
        // stream, such as that there are too many: then the page asks again, and meanwhile lists what is kept.
        function follow() {
          const after = lastIdentifier ? "&after=" + encodeURIComponent(lastIdentifier) : "&limit=100";
          const began = performance.now();
          following = new EventSource("warnings?format=sse" + after);
          const connected = (text, isWell) => { say($("connection"), text); $("connection").classList.toggle("error", !isWell); };
          following.addEventListener("open", () => connected("\u25cf live", true));
          for (const state of ["begun", "ongoing", "ended"])
            following.addEventListener(state, (event) => {
              takeWarning(JSON.parse(event.data), performance.now() - began > 2000);
              ask();
              if (state === "ended") reloadFlame();
            });
          following.addEventListener("gap", (event) => say($("gap"), plural(JSON.parse(event.data).missed ?? 0, "warning")
            + " came too fast and " + "can no longer be shown; the log has them."));
          following.addEventListener("error", () => {
            connected("\u25cb not live, trying again", false);
            if (following.readyState !== EventSource.CLOSED) return;
            list();
            setTimeout(follow, 3000);
          });
        }
        async function list() {
          try {
            const answer = await fetch("warnings?limit=100", { cache: "no-store", headers: { Accept: "application/json" },
              signal: AbortSignal.timeout(8000) });
            if (answer.ok) for (const report of (await answer.json()).warnings) takeWarning(report, false);
          } catch { /* The line at the top says that there is no answer. */ }
        }
        let flameTimer;
        function reloadFlame() {
          if (flameTimer) return;
          flameTimer = setTimeout(() => { flameTimer = undefined; loadFlame(); }, 2000);
        }

        $("warnings-list").replaceChildren();
        ask();
        follow();
        loadFlame();
        document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });

        """#
}
