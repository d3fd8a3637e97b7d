# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""How results are printed."""

from hosts import outside


def say(text):
    print(text, flush=True)


def table(rows, markdown):
    if markdown:
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        lines.insert(1, "|" + "---|" * len(rows[0]))
        return "\n".join(lines)
    return outside.table(rows)
