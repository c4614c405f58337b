"""A program for tests: `ganaug ARGUMENTS`, and whether a worker process of this one did any of it.

`python -m helpers.shared_command ARGUMENTS` ends with the line "worked" or "idle" on stderr.
"""

from __future__ import annotations

import resource
import sys

from ganaug.cli import run

if __name__ == "__main__":
    code = run(sys.argv[1:])
    spent = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    print("worked" if spent > 0 else "idle", file=sys.stderr)
    sys.exit(code)
