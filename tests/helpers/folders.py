"""What a folder holds, to compare it with another."""

from __future__ import annotations

from pathlib import Path

__all__ = ["content"]


def content(folder: Path) -> dict[str, bytes]:
    """Return the bytes of each file below `folder`, by its path inside it."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
