"""A linear fit by least squares, without a library."""

from __future__ import annotations

# ruff: noqa: INP001 - a script's part
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_SINGULAR: Final = 1e-9  # of scaled equations: what is left of a term that the others explain


@dataclass(frozen=True)
class Fit:
    """A factor for each term, what each value is beyond their sum, and the root of the mean square of these."""

    factors: tuple[float, ...]
    residuals: tuple[float, ...]

    @property
    def error(self) -> float:
        """How far values are from the fit."""
        return math.sqrt(sum(residual**2 for residual in self.residuals) / len(self.residuals))


def fitted(points: Sequence[tuple[Sequence[float], float]]) -> Fit | None:
    """The factors by which the terms of each point add up to its value as closely as can be.

    None where the points do not tell: there are too few, or a term goes with the others.
    """
    if not points or len(points) < len(points[0][0]):
        return None
    # Terms are scaled to 1: a million of rows squared, beside 1, would leave no digits.
    scales = [max(abs(terms[column]) for terms, _ in points) or 1.0 for column in range(len(points[0][0]))]
    rows = [[term / scale for term, scale in zip(terms, scales, strict=True)] for terms, _ in points]
    values = [value for _, value in points]
    columns = list(zip(*rows, strict=True))
    equations = [
        [*(_sum_of_products(one, other) for other in columns), _sum_of_products(one, values)] for one in columns
    ]
    solved = _solved(equations)
    if solved is None:
        return None
    factors = tuple(factor / scale for factor, scale in zip(solved, scales, strict=True))
    residuals = tuple(value - _sum_of_products(terms, factors) for terms, value in points)
    return Fit(factors, residuals)


def _sum_of_products(one: Sequence[float], other: Sequence[float]) -> float:
    return math.fsum(left * right for left, right in zip(one, other, strict=True))


def _solved(equations: list[list[float]]) -> list[float] | None:
    """The solution of linear equations, each with its right side last, by Gauß and Jordan; None if there is not one."""
    for step in range(len(equations)):
        pivot = max(range(step, len(equations)), key=lambda row: abs(equations[row][step]))
        equations[step], equations[pivot] = equations[pivot], equations[step]
        if abs(equations[step][step]) < _SINGULAR:
            return None
        head = equations[step]
        for number, equation in enumerate(equations):
            if number != step:
                factor = equation[step] / head[step]
                equations[number] = [value - factor * above for value, above in zip(equation, head, strict=True)]
    return [equation[-1] / equation[step] for step, equation in enumerate(equations)]
