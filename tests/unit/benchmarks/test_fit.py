"""A fit finds the factors that values were made with, and says when it cannot tell."""

import pytest

from benchmarks.fit import fitted

ROWS, INDEXES = (100_000.0, 1_000_000.0, 10_000_000.0), (1.0, 10.0, 60.0)
TERMS = [(1.0, rows, rows * indexes) for rows in ROWS for indexes in INDEXES]


def wall(terms: tuple[float, float, float]) -> float:
    return 0.5 * terms[0] + 7e-6 * terms[1] + 0.8e-6 * terms[2]


def test_the_factors_are_found_with_which_values_were_made() -> None:
    fit = fitted([(terms, wall(terms)) for terms in TERMS])
    assert fit is not None
    assert fit.factors == pytest.approx((0.5, 7e-6, 0.8e-6))
    assert fit.error == pytest.approx(0.0, abs=1e-6)


def test_what_is_beyond_the_fit_is_told_for_each_value() -> None:
    fit = fitted([((1.0,), 1.0), ((1.0,), 2.0), ((1.0,), 6.0)])
    assert fit is not None
    assert fit.factors == pytest.approx((3.0,))
    assert fit.residuals == pytest.approx((-2.0, -1.0, 3.0))
    assert fit.error == pytest.approx((14 / 3) ** 0.5)


def test_no_other_factors_come_closer() -> None:
    points = [(terms, wall(terms) * (1 + 0.1 * (number % 3 - 1))) for number, terms in enumerate(TERMS)]
    fit = fitted(points)
    assert fit is not None
    least = sum(residual**2 for residual in fit.residuals)
    for place in range(3):
        for change in (0.99, 1.01):
            factors = [factor * (change if place == number else 1) for number, factor in enumerate(fit.factors)]
            others = [v - sum(f * t for f, t in zip(factors, terms, strict=True)) for terms, v in points]
            assert sum(other**2 for other in others) > least


@pytest.mark.parametrize(
    "points", [[], TERMS[:2], TERMS[:3], TERMS[::3]], ids=["none", "two", "one size", "one number"]
)
def test_points_that_do_not_tell_give_no_fit(points: list[tuple[float, float, float]]) -> None:
    assert fitted([(terms, wall(terms)) for terms in points]) is None
