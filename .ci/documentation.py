#!/usr/bin/env python3
# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""Converts the documentation with DocC; a warning is an error. Needs a finished `swift build`, and nothing else.

The public API is read out of the modules that the build left, which takes a second where another build for symbol graphs
would take minutes. What `import Loopwatch` brings is one module to its users, so it is one here: LoopwatchCore, which it
exports again, is documented as a part of it, as far as the API of Loopwatch leads there.

The result is in .build-docs. To look at it: python3 -m http.server --bind 127.0.0.1 --directory
.build-docs/Loopwatch.doccarchive, and there /documentation/loopwatch.
"""

import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUTPUT = ROOT / ".build-docs"
# Catalogue, and the modules of which it tells all; then those of which it tells what these lead to.
CATALOGUES = {"Loopwatch": (["Loopwatch"], ["LoopwatchCore"]), "LoopwatchTesting": (["LoopwatchTesting"], [])}
# What no declaration leads to, and articles do.
ALSO = {"Limits"}


def run(*command):
    """Runs a command and returns what it prints; its messages go where ours do."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT).stdout


def extract(module, products, folder):
    """The symbol graph of a module, read from what the compiler left."""
    command = ["swift", "symbolgraph-extract", "-module-name", module, "-I", str(products / "Modules")]
    for name in ("CLoopwatchRuntime", "CLoopwatchCapture"):
        command += ["-Xcc", f"-fmodule-map-file={products / (name + '.build') / 'module.modulemap'}"]
    command += ["-target", f"{platform.machine()}-unknown-linux-gnu", "-minimum-access-level", "public"]
    run(*command, "-skip-synthesized-members", "-output-dir", str(folder))
    return json.loads((folder / f"{module}.symbols.json").read_text())


def mentioned(symbol):
    """The symbols that a symbol's declaration names."""
    fragments = list(symbol.get("declarationFragments", []))
    signature = symbol.get("functionSignature", {})
    fragments += signature.get("returns", [])
    for parameter in signature.get("parameters", []):
        fragments += parameter.get("declarationFragments", [])
    return {fragment["preciseIdentifier"] for fragment in fragments if "preciseIdentifier" in fragment}


def reached(start, graph):
    """Takes out of a graph what the symbols of the first one lead to: types that are named, their members, and so on."""
    symbols = {symbol["identifier"]["precise"]: symbol for symbol in graph["symbols"]}
    owner = {}
    for relation in graph["relationships"]:
        if relation["kind"] in ("memberOf", "requirementOf"):
            owner[relation["source"]] = relation["target"]
    members = {}
    for member, parent in owner.items():
        members.setdefault(parent, set()).add(member)
    wanted = set()
    ahead = [identifier for symbol in start["symbols"] for identifier in mentioned(symbol)]
    ahead += [identifier for identifier, symbol in symbols.items() if ".".join(symbol["pathComponents"]) in ALSO]
    while ahead:
        identifier = ahead.pop()
        if identifier in wanted or identifier not in symbols:
            continue
        wanted.add(identifier)
        ahead += mentioned(symbols[identifier]) | members.get(identifier, set())
        if identifier in owner:
            ahead.append(owner[identifier])
    graph["symbols"] = [symbol for identifier, symbol in symbols.items() if identifier in wanted]
    graph["relationships"] = [relation for relation in graph["relationships"] if relation["source"] in wanted]


def main():
    products = pathlib.Path(run("swift", "build", "--show-bin-path").strip())
    shutil.rmtree(OUTPUT, ignore_errors=True)
    compiler = shutil.which("docc") or pathlib.Path(os.path.realpath(shutil.which("swift"))).with_name("docc")
    for catalogue, (modules, exported) in CATALOGUES.items():
        extracted = OUTPUT / "extracted" / catalogue
        symbols = OUTPUT / "symbols" / catalogue
        extracted.mkdir(parents=True)
        symbols.mkdir(parents=True)
        graphs = {module: extract(module, products, extracted) for module in modules + exported}
        for module in exported:
            reached(graphs[modules[0]], graphs[module])
            graphs[module]["module"]["name"] = modules[0]
        for module, graph in graphs.items():
            if not graph["symbols"]:
                sys.exit(f"{module} has no public symbol, so this proves nothing")
            bare = [".".join(s["pathComponents"]) for s in graph["symbols"] if not s.get("docComment")]
            if bare:
                sys.exit(f"of {module} these have no comment: {', '.join(bare)}")
            print(f"{catalogue}: {len(graph['symbols'])} symbols of {module}", flush=True)
            (symbols / f"{module}.symbols.json").write_text(json.dumps(graph))
        command = [str(compiler), "convert", f"Sources/{catalogue}/{catalogue}.docc", "--warnings-as-errors"]
        command += ["--additional-symbol-graph-dir", str(symbols), "--fallback-display-name", catalogue]
        command += ["--fallback-bundle-identifier", f"loopwatch.{catalogue}"]
        if subprocess.run([*command, "--output-path", OUTPUT / f"{catalogue}.doccarchive"], cwd=ROOT).returncode != 0:
            sys.exit(f"docc does not take Sources/{catalogue}/{catalogue}.docc, or a comment: see the lines above")
    pages = sorted(OUTPUT.glob("*.doccarchive/data/documentation/**/*.json"))
    print(f"{len(pages)} pages")


if __name__ == "__main__":
    main()
