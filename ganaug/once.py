"""Lines of the log "ganaug" that a process says once."""

from __future__ import annotations

import logging

__all__ = ["log_once"]

_log = logging.getLogger("ganaug")
_said: set[str] = set()


def log_once(line: str, level: int = logging.INFO) -> None:
    """Log the line, unless this process has."""
    if line not in _said:
        _said.add(line)
        _log.log(level, "%s", line)
