"""The choice of one class: a list in the page and a rule for each class. No script is needed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from html import escape

__all__ = ["NO_FILTER", "ClassFilter"]


class ClassFilter:
    """Marks what belongs to one class, so that the reader can look at that class alone.

    Names of classes come from outside. Rules and marks have the place in the list instead, and the
    list itself is escaped.

    Args:
        names: of the classes, in the order of the list.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._places = {name: at for at, name in enumerate(dict.fromkeys(names))}

    def mark(self, name: str) -> str:
        """Return the style of an element that is about the class, or nothing if it is unknown."""
        return f"of c{self._places[name]}" if name in self._places else ""

    def share(self, shown: Collection[str]) -> str:
        """Return which part of the classes has figures, in words; nothing where all have."""
        known, there = len(self._places), len(self._places.keys() & set(shown))
        if there == known:
            return ""
        return f" {there} of {known} classes, from the rarest to the most frequent."

    def lacking(self, shown: Collection[str]) -> str:
        """Return a line that is seen while a class without figures is chosen."""
        styles = [f"c{at}" for name, at in self._places.items() if name not in shown]
        if not styles:
            return ""
        return f'<p class="lacking of {" ".join(styles)}">The chosen class is not shown here.</p>'

    def control(self) -> str:
        """Return the list and its rules; nothing where there is no choice."""
        if len(self._places) < 2:
            return ""
        options = "".join(
            f'<option class="c{at}">{escape(name)}</option>' for name, at in self._places.items()
        )
        rules = "".join(
            f"main:has(option.c{at}:checked) .of:not(.c{at}){{display:none}}"
            for at in self._places.values()
        )
        return (
            f"<style>{rules}</style>"
            '<p class="filter"><label for="class">Show</label> <select id="class"'
            f' autocomplete="off"><option>all classes</option>{options}</select></p>'
        )


NO_FILTER = ClassFilter(())
