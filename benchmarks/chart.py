"""Bar charts as SVG, without a library."""

from __future__ import annotations

# ruff: noqa: INP001 - a script's part
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

_WIDTH: Final = 760
_NAMES: Final = 250  # what the names take
_FIGURES: Final = 70  # what the figures behind the bars take
_BAR: Final = 16
_STEP: Final = 24
_HEAD: Final = 34
_COLOURS: Final = ("#4c78a8", "#f58518")
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
    height = 56 + sum(_height(panel) for panel in panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" {_FONT}>',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="10" y="22" font-size="{_TITLE}">{escape(title)}</text>',
        f'<text x="10" y="40" fill="#666666">{escape(remark)}</text>',
    ]
    top = 56
    for panel in panels:
        parts += _drawn(panel, top)
        top += _height(panel)
    return "\n".join([*parts, "</svg>", ""])


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
