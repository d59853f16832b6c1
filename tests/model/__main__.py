"""`python -m tests.model [--deep]`: explore every scope, then show the counterexample for every rule left out."""

import argparse
import sys

from tests.model.checker import check
from tests.model.protocol import DataPlane
from tests.model.rules import ALL_RULES
from tests.model.scopes import HALTS, HOLDS, HOLDS_DEEP, SHOWS


def main() -> int:
    """0 if every scope holds and every rule left out shows."""
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    parser.add_argument("--deep", action="store_true", help="the larger scopes as well: minutes, and some GB of memory")
    deep = parser.parse_args().deep
    failures = 0
    for title, scope in {**HOLDS, **(HOLDS_DEEP if deep else {})}.items():
        verdict = check(DataPlane(scope))
        failures += verdict.problem is not None
        _show(f"{title}: {verdict}")
    for rule, scope in SHOWS.items():
        verdict = check(DataPlane(scope, ALL_RULES - {rule}, only_swap=True), live=rule in HALTS)
        failures += verdict.problem is None
        _show(f"\nwithout {rule.name} ({rule.value}): {verdict}")
    return 1 if failures else 0


def _show(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
