"""A plug-in of pytest that says which test files cost most: CPU seconds, child processes included.

    PYTHONPATH=.:tests OMP_NUM_THREADS=1 python -m pytest -p helpers.cpu_seconds tests/images

Without -n. Processes that were not waited for (those of a fork server) are not seen.
"""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Generator

import pytest

SHOWN = 20  # files, and tests
_SPENT: Counter[str] = Counter()
_TESTS: Counter[str] = Counter()


def _seconds() -> float:
    parts = (resource.getrusage(each) for each in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(part.ru_utime + part.ru_stime for part in parts)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Count setup, call and teardown; a fixture that several share counts with the first one."""
    before = _seconds()
    try:
        return (yield)
    finally:
        spent = _seconds() - before
        _SPENT[item.nodeid.split("::")[0]] += spent
        _TESTS[item.nodeid] += spent


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the sum, the files and the tests that cost most."""
    terminalreporter.section(f"{sum(_SPENT.values()):.1f} CPU seconds in tests")
    for name, spent in [*_SPENT.most_common(SHOWN), *_TESTS.most_common(SHOWN)]:
        terminalreporter.write_line(f"{spent:7.1f}  {name}")
