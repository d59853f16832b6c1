"""Bar charts, and lines over logarithmic axes, as SVG, without a library."""

from __future__ import annotations

# ruff: noqa: INP001 - a script's part
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

_WIDTH: Final = 760
_NAMES: Final = 250  # what the names take
_FIGURES: Final = 70  # what the figures behind the bars take
_BAR: Final = 16
_STEP: Final = 24
_HEAD: Final = 34
_COLOURS: Final = ("#4c78a8", "#f58518", "#54a24b", "#b279a2", "#e45756", "#72b7b2")
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 640, 66, 406  # of the area in which lines are drawn
_TITLE: Final = 15
_FONT: Final = 'font-family="sans-serif" font-size="12"'


@dataclass(frozen=True)
class Panel:
    """Bars under a title: a value for each name, and a line at a value that the others are compared with."""

    title: str
    bars: Mapping[str, float | None]
    line: float | None = None
    decimals: int = 2


def chart(title: str, remark: str, panels: Sequence[Panel]) -> str:
    """The drawing."""
    parts: list[str] = []
    top = 56
    for panel in panels:
        parts += _drawn(panel, top)
        top += _height(panel)
    return _sheet(title, remark, top, parts)


@dataclass(frozen=True)
class Line:
    """Values by where they are on the other axis, all above 0; and others that they are compared with, dashed."""

    name: str
    values: Mapping[float, float]
    dashed: Mapping[float, float]


def line_chart(title: str, remark: str, x_title: str, y_title: str, lines: Sequence[Line]) -> str:
    """The drawing; both axes are logarithmic, so that what grows in proportion is a straight line."""
    x = _Axis.over((place for line in lines for place in (*line.values, *line.dashed)), _LEFT, _RIGHT)
    y = _Axis.over((value for line in lines for value in (*line.values.values(), *line.dashed.values())), _BOTTOM, _TOP)
    parts = [
        f'<text x="{_LEFT}" y="{_TOP - 8}" fill="#666666">{escape(y_title)}</text>',
        f'<text x="{_RIGHT}" y="{_BOTTOM + 34}" text-anchor="end" fill="#666666">{escape(x_title)}</text>',
        *(f'<path d="M{x.at(mark):.1f} {_TOP}V{_BOTTOM}" stroke="#dddddd"/>' for mark in x.marks),
        *(f'<path d="M{_LEFT} {y.at(mark):.1f}H{_RIGHT}" stroke="#dddddd"/>' for mark in y.marks),
        *(f'<text x="{x.at(mark):.1f}" y="{_BOTTOM + 18}" text-anchor="middle">{mark:,g}</text>' for mark in x.marks),
        *(f'<text x="{_LEFT - 8}" y="{y.at(mark) + 4:.1f}" text-anchor="end">{mark:,g}</text>' for mark in y.marks),
    ]
    for number, line in enumerate(lines):
        parts += _traced(line, x, y, _COLOURS[number % len(_COLOURS)], _TOP + 14 + number * _STEP)
    return _sheet(title, remark, _BOTTOM + 46, parts)


@dataclass(frozen=True)
class _Axis:
    """From one power of ten to another, and where these lie in the drawing."""

    low: int
    high: int
    begin: int
    end: int

    @classmethod
    def over(cls, values: Iterable[float], begin: int, end: int) -> _Axis:
        logs = [math.log10(value) for value in values] or [0.0]
        low = math.floor(min(logs))
        return cls(low, max(math.ceil(max(logs)), low + 1), begin, end)

    @property
    def marks(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]

    def at(self, value: float) -> float:
        return self.begin + (self.end - self.begin) * (math.log10(value) - self.low) / (self.high - self.low)


def _traced(line: Line, x: _Axis, y: _Axis, colour: str, name_at: int) -> Iterator[str]:
    for values, dashes in ((line.values, ""), (line.dashed, ' stroke-dasharray="4 3"')):
        points = [f"{x.at(place):.1f},{y.at(value):.1f}" for place, value in sorted(values.items())]
        yield f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>'
    for place, value in sorted(line.values.items()):
        yield f'<circle cx="{x.at(place):.1f}" cy="{y.at(value):.1f}" r="3" fill="{colour}"/>'
    yield f'<text x="{_RIGHT + 12}" y="{name_at}" fill="{colour}">{escape(line.name)}</text>'


def _sheet(title: str, remark: str, height: int, parts: Iterable[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" {_FONT}>',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="10" y="22" font-size="{_TITLE}">{escape(title)}</text>',
        f'<text x="10" y="40" fill="#666666">{escape(remark)}</text>',
    )
    return "\n".join([*head, *parts, "</svg>", ""])


def _height(panel: Panel) -> int:
    return _HEAD + _STEP * len(panel.bars)


def _drawn(panel: Panel, top: int) -> Iterator[str]:
    longest = max([value for value in panel.bars.values() if value is not None] + [panel.line or 0.0]) or 1.0
    scale = (_WIDTH - _NAMES - _FIGURES) / longest
    yield f'<text x="10" y="{top + 14}" font-weight="bold">{escape(panel.title)}</text>'
    for number, (name, value) in enumerate(panel.bars.items()):
        y = top + 24 + number * _STEP
        yield f'<text x="{_NAMES - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>'
        if value is None:
            yield f'<text x="{_NAMES}" y="{y + 12}" fill="#666666">no result</text>'
            continue
        colour = _COLOURS[name.startswith("fsm-ghost")]
        length = value * scale
        yield f'<rect x="{_NAMES}" y="{y}" width="{length:.1f}" height="{_BAR}" fill="{colour}"/>'
        yield f'<text x="{_NAMES + length + 6:.1f}" y="{y + 12}">{value:,.{panel.decimals}f}</text>'
    if panel.line is not None:
        x, bottom = _NAMES + panel.line * scale, top + 24 + len(panel.bars) * _STEP
        yield f'<path d="M{x:.1f} {top + 20}V{bottom}" stroke="#333333" stroke-dasharray="4 3"/>'
