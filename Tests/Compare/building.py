# This source file is part of the Loopwatch project
# SPDX-License-Identifier: Apache-2.0
"""Builds what is measured, optimised, as servers are."""

import subprocess

from hosts import PACKAGES, ROOT


def build(package, product, *options, scratch=None):
    """Builds a product of a package under Tests/Packages, or with `None` of this one."""
    arguments = ["swift", "build", "-c", "release", "--product", product, *options]
    if package:
        # The plan of another package that was built in the same folder would be taken for that of this one.
        for stale in [*PACKAGES.glob("*.yaml"), *PACKAGES.glob("*/*/description.json")]:
            stale.unlink()
        arguments += ["--package-path", f"Tests/Packages/{package}", "--scratch-path", str(PACKAGES)]
    elif scratch:
        arguments += ["--scratch-path", str(scratch)]
    subprocess.run(arguments, cwd=ROOT, check=True)
