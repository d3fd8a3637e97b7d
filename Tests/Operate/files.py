#!/usr/bin/env python3
# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""Has the files under config/ read by the tools that they are for.

    files.py [PROGRAM]      PROGRAM is `loopwatch`, which then reads the configurations

Prometheus' rules with their unit tests, its configuration, Alertmanager's; every query of the dashboard, as Prometheus
parses it; the unit for systemd, and how exposed it is; log rotation, which is done; the pod. Needs promtool, amtool,
logrotate and the Python package PyYAML; systemd-analyze and the shells that complete commands are used where they are. That all metrics and labels exist which they
name is a Swift test. Starts nothing that stays, and writes to a temporary folder alone.
"""

import itertools
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CONFIG = ROOT / "config"
# What systemd-analyze makes of the unit: 2.3 of 10, most of it for what watching other users' processes takes.
EXPOSURE_MOST = 2.3


class Failure(Exception):
    """Something is not as it should be; the message says what."""


def expect(condition, text):
    """Fails with the text unless the condition holds."""
    if not condition:
        raise Failure(text)


def run(*command, cwd=None):
    """Runs a tool, which must succeed; returns what it wrote."""
    shown = " ".join(str(word) for word in command)
    expect(shutil.which(command[0]) or pathlib.Path(command[0]).exists(), f"{command[0]} is not installed")
    result = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )
    output = result.stdout + result.stderr
    print(f"$ {shown}: {result.returncode}", flush=True)
    expect(result.returncode == 0, f"{shown}: exit {result.returncode}\n{output}")
    return output


def check_prometheus():
    """Rules, their unit tests, and both configurations; every alert is in a test that sees it fire and clear."""
    folder = CONFIG / "prometheus"
    run("promtool", "check", "rules", "--lint=all", "--lint-fatal", "loopwatch.rules.yml", cwd=folder)
    run("promtool", "test", "rules", "loopwatch.rules.test.yml", cwd=folder)
    run("promtool", "check", "config", "--lint=all", "--lint-fatal", "prometheus.yml", cwd=folder)
    run("amtool", "check-config", "alertmanager.yml", cwd=folder)

    rules = yaml.safe_load((folder / "loopwatch.rules.yml").read_text())
    alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"] if "alert" in rule}
    tests = yaml.safe_load((folder / "loopwatch.rules.test.yml").read_text())["tests"]
    cases = [(case["alertname"], bool(case["exp_alerts"])) for test in tests for case in test["alert_rule_test"]]
    for alert in alerts:
        seen = [fires for name, fires in cases if name == alert]
        # Quiet before, firing, and quiet again after it.
        expect(
            True in seen and not seen[0] and not seen[-1], f"{alert}: no test sees it quiet, firing and quiet again: {seen}"
        )
    expect({name for name, _ in cases} <= alerts, f"tests of alerts that are not there: {set(dict(cases)) - alerts}")

    alertmanager = yaml.safe_load((folder / "alertmanager.yml").read_text())
    matchers = [text for rule in alertmanager["inhibit_rules"] for part in rule.values() for text in part if "=" in text]
    for text in matchers:
        pattern = re.fullmatch(r'alertname=~?"(.*)"', text)
        expect(pattern, f"alertmanager.yml: not by alertname: {text}")
        for branch in alternatives(pattern[1]):
            expect(branch in alerts, f"alertmanager.yml: there is no alert {branch}")
    print(f"ok: {len(alerts)} alerts, each with a test that sees it fire and clear")


def alternatives(pattern):
    """The texts that a pattern of names and groups of alternatives fits: a(b|c) and a|b."""
    if group := re.fullmatch(r"(\w*)\(([\w|]+)\)", pattern):
        return [group[1] + end for end in group[2].split("|")]
    return pattern.split("|")


def check_dashboard(folder):
    """Prometheus parses each query, and panels neither share a number nor lie upon each other."""
    dashboard = json.loads((CONFIG / "grafana/loopwatch.json").read_text())
    names = {variable["name"] for variable in dashboard["templating"]["list"]}
    rules = []
    places = set()
    numbers = [panel["id"] for panel in dashboard["panels"]]
    expect(len(set(numbers)) == len(numbers), "two panels have the same number")
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        expect(place["x"] + place["w"] <= 24, f"{panel['title']}: wider than the page")
        cells = set(
            itertools.product(range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"]))
        )
        expect(not cells & places, f"{panel['title']}: lies upon another panel")
        places |= cells
        expect(panel["type"] == "row" or panel["targets"], f"{panel['title']}: asks for nothing")
        for target in panel.get("targets", []):
            rules.append((f"panel:{panel['id']}:{target['refId']}", target["expr"]))
    for index, annotation in enumerate(dashboard["annotations"]["list"]):
        rules.append((f"annotation:{index}", annotation["expr"]))
    for name, text in rules:
        for variable in re.findall(r"\$(\w+)", text):
            expect(variable in names | {"__rate_interval", "__range"}, f"{name}: there is no variable ${variable}")
    path = folder / "dashboard.rules.yml"
    group = [{"record": name, "expr": text.replace("$__rate_interval", "5m")} for name, text in rules]
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": group}]}))
    run("promtool", "check", "rules", path)
    print(f"ok: the dashboard's {len(rules)} queries parse")


def check_unit(folder, program):
    """The unit, with a program that is there in the place of the one that it names."""
    if not shutil.which("systemd-analyze"):
        print("systemd-analyze is not installed: the unit is not checked")
        return
    text = (CONFIG / "systemd/loopwatch.service").read_text()
    settings = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))
    # Whoever waits for readiness or signs of life has to be able to hear them.
    expect(settings["Type"] == "notify" and settings["NotifyAccess"] == "main", "the unit does not wait until it is ready")
    expect("WatchdogSec" in settings and settings["Restart"] in ("on-failure", "always"), "a watch that hangs is not ended")
    expect("AF_UNIX" in settings["RestrictAddressFamilies"].split(), "the unit may not speak to the service manager")
    unit = folder / "loopwatch.service"
    unit.write_text(text.replace("/usr/local/bin/loopwatch", str(program or "/bin/true")))
    said = run("systemd-analyze", "verify", "--man=no", unit)
    expect("loopwatch.service" not in said, f"systemd-analyze verify:\n{said}")
    security = run("systemd-analyze", "security", "--offline=true", unit)
    level = re.search(r"exposure level for loopwatch\.service: ([0-9.]+)", security)
    expect(level and float(level[1]) <= EXPOSURE_MOST, f"systemd-analyze security:\n{security[-2000:]}")
    print(f"ok: the unit; its exposure level is {level[1]}")


def check_logrotate(folder):
    """A log is rotated twice in a temporary folder: renamed, compressed a rotation later, and not made anew."""
    logs = folder / "logs"
    logs.mkdir(mode=0o750)
    text = (CONFIG / "logrotate/loopwatch").read_text()
    expect("/var/log/loopwatch/*.log" in text, "logrotate: another folder than the unit's")
    # The user is not there on a machine that only tests.
    text = text.replace("/var/log/loopwatch", str(logs)).replace("su loopwatch loopwatch", "su root root")
    configuration = folder / "logrotate"
    configuration.write_text(text)
    configuration.chmod(0o644)
    log = logs / "warnings.log"
    for round_number in range(2):
        log.write_text(f"round {round_number}\n")
        run(rotator(), "--force", "--state", folder / "state", configuration)
        expect(not log.exists(), "logrotate: the log was made anew, which is left to Loopwatch")
    found = sorted(path.name for path in logs.iterdir())
    expect(found == ["warnings.log.1", "warnings.log.2.gz"], f"logrotate: {found}")
    print("ok: log rotation")


def rotator():
    """Where logrotate is: not on the path of everyone."""
    return shutil.which("logrotate") or "/usr/sbin/logrotate"


def check_pod(folder, program):
    """The pod: what it takes to read another container's process, and a configuration that fits its ports."""
    documents = list(yaml.safe_load_all((CONFIG / "kubernetes/sidecar.yaml").read_text()))
    settings, deployment = documents
    pod = deployment["spec"]["template"]["spec"]
    server, watch = pod["containers"]
    expect(pod["shareProcessNamespace"] is True, "sidecar.yaml: the containers do not share their processes")
    expect(
        not any("runAsUser" in container["securityContext"] for container in (server, watch)),
        "sidecar.yaml: the containers run as different users",
    )
    text = settings["data"]["loopwatch.json5"]
    expect(f"port: {server['ports'][0]['containerPort']}," in text, "sidecar.yaml: another port than the server's")
    expect(f':{watch["ports"][0]["containerPort"]}"' in text, "sidecar.yaml: another port than the endpoint's")
    expect(pod["volumes"][0]["configMap"]["name"] == settings["metadata"]["name"], "sidecar.yaml: another ConfigMap")
    expect(watch["command"][-1].endswith("/loopwatch.json5"), "sidecar.yaml: another configuration")
    path = folder / "loopwatch.json5"
    path.write_text(text)
    if program:
        run(program, "check-config", path)
        run(program, "check-config", CONFIG / "loopwatch.json5")
    print("ok: the pod" + ("" if program else ", but for its configuration: no program was named"))


# What is typed, and what each shell has to offer; `=` where zsh offers it with the value to follow.
COMPLETIONS = [
    ("loopwatch att", ["attach"]),
    ("loopwatch attach --thr", ["--threshold"]),
    ("loopwatch completion ", ["bash", "zsh", "fish"]),
    ("loopwatch attach --evidence p", ["ptrace", "polling"]),
    ("loopwatch run --config {folder}/loopwatch.js", ["{folder}/loopwatch.json5"]),
    ("loopwatch exec -- ls {folder}/loopwatch.js", ["{folder}/loopwatch.json5"]),
]


def check_completion(folder, program):
    """The shells that are installed complete commands, options and their values by the scripts that the program prints."""
    if not program:
        print("no program was named: completion is not checked")
        return
    place = folder / "bin"
    place.mkdir()
    (place / "loopwatch").symlink_to(program)
    environment = {
        "PATH": f"{place}:{os.environ['PATH']}", "HOME": str(place), "ZDOTDIR": str(place), "TERM": "dumb", "COLUMNS": "200",
        "XDG_CONFIG_HOME": str(place), "XDG_DATA_HOME": str(place), "LC_ALL": "C",
    }
    done = []
    for shell, complete in (("bash", complete_in_bash), ("fish", complete_in_fish), ("zsh", complete_in_zsh)):
        if not shutil.which(shell):
            continue
        script = place / f"_{shell}"
        script.write_text(run(program, "completion", shell))
        lines = [line.format(folder=folder) for line, _ in COMPLETIONS]
        for (_, wanted), line, offered in zip(COMPLETIONS, lines, complete(script, lines, environment), strict=True):
            for word in wanted:
                word = word.format(folder=folder)
                expect(re.search(rf"(?<![\w/-]){re.escape(word)}(?![\w-])", offered), f"{shell}: {line!r} offers {offered!r}")
            expect(" error" not in offered, f"{shell}: {line!r}: {offered!r}")
        done.append(shell)
    expect(done, "no shell is installed")
    print(f"ok: completion, in {', '.join(done)}")


def complete_in_bash(script, lines, environment):
    """What bash offers for each line."""
    text = 'source "$1"; shift; for line; do read -ra COMP_WORDS <<<"$line"; [[ $line = *" " ]] && COMP_WORDS+=("")\n'
    text += 'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _loopwatch; echo "${COMPREPLY[@]}"; done'
    result = subprocess.run(
        ["bash", "--norc", "-c", text, "bash", script, *lines], env=environment, capture_output=True, text=True, timeout=60
    )
    expect(not result.stderr, f"bash: {result.stderr}")
    return result.stdout.splitlines()


def complete_in_fish(script, lines, environment):
    """What fish offers for each line."""
    offered = []
    for line in lines:
        text = f"source {script}; complete -C '{line}'"
        result = subprocess.run(["fish", "-c", text], env=environment, capture_output=True, text=True, timeout=60)
        expect(not result.stderr, f"fish: {result.stderr}")
        offered.append("\n".join(row.split("\t")[0] for row in result.stdout.splitlines()))
    return offered


def complete_in_zsh(script, lines, environment):
    """What zsh offers for each line: it completes only what is typed in a terminal."""
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe("zsh", ["zsh", "-f", "-i"], environment)
    try:
        # Each answer ends with a mark, which is a widget of its own: the key that asks for it comes after the completion.
        setup = "PS1=; autoload -Uz compinit; compinit -u -D; LISTMAX=1000; "
        setup += "mark() { zle -I; print -r -- \"<$BUFFER>\" MA''RK; BUFFER=; }; zle -N mark; bindkey '^O' mark; "
        os.write(terminal, f"{setup}source {script}; print SET''UP\n".encode())
        read_terminal(terminal, "SETUP")
        offered = []
        for line in lines:
            os.write(terminal, f"{line}\t\x0f".encode())
            text = read_terminal(terminal, "MARK")
            # What was typed is shown as well; what counts is what it has become, and what is listed.
            offered.append(text.replace(line, "", 1))
        return offered
    finally:
        os.kill(child, signal.SIGKILL)
        os.close(terminal)
        os.waitpid(child, 0)


def read_terminal(terminal, mark):
    """Reads until a mark, and returns what came before it, without control sequences."""
    text = ""
    deadline = time.monotonic() + 30
    while mark not in text:
        ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
        expect(ready, f"zsh: never came: {mark}; instead: {text!r}")
        text += os.read(terminal, 65_536).decode(errors="replace")
    return re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", text.split(mark)[0])


def main():
    """Checks all files; returns the exit status."""
    program = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None
    folder = pathlib.Path(tempfile.mkdtemp(prefix="loopwatch-operate-"))
    try:
        check_prometheus()
        check_dashboard(folder)
        check_unit(folder, program)
        check_logrotate(folder)
        check_pod(folder, program)
        check_completion(folder, program)
    except (Failure, OSError, KeyError, ValueError, yaml.YAMLError, subprocess.SubprocessError) as failure:
        print(f"FAILED: {type(failure).__name__}: {failure}")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
