"""Bars and lines as plain numbers, for a template to draw as SVG; the table with the same figures stands below it."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 480
HEIGHT = 180
LEFT = 64
BOTTOM = 24
TOP = 8
GRID_LINES = 4
MOST_LABELS = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar in units of the drawing; `label` is "" where there is no room for all."""

    x: float
    y: float
    width: float
    height: float
    label: str
    value: int


@dataclass(frozen=True, slots=True)
class GridLine:
    """A horizontal line at a round value."""

    y: float
    value: int


@dataclass(frozen=True, slots=True)
class Chart:
    """A bar chart WIDTH wide and HEIGHT high."""

    bars: tuple[Bar, ...]
    grid: tuple[GridLine, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    floor: int = HEIGHT - BOTTOM

    @property
    def is_empty(self) -> bool:
        return not any(bar.value for bar in self.bars)


def bar_chart(values: Sequence[tuple[str, int]]) -> Chart:
    """Bars for (label, value) pairs; values are not negative."""
    top = ceiling(max((value for _, value in values), default=0))
    room = HEIGHT - BOTTOM - TOP
    step = (WIDTH - LEFT) / max(len(values), 1)
    every = -(-len(values) // MOST_LABELS) or 1
    bars = []
    for place, (label, value) in enumerate(values):
        height = round(room * value / top, 1)
        shown = label if place % every == 0 else ""
        bars.append(
            Bar(round(LEFT + step * (place + 0.1), 1), TOP + room - height, round(step * 0.8, 1), height, shown, value)
        )
    grid = tuple(
        GridLine(round(TOP + room * (1 - n / GRID_LINES), 1), top * n // GRID_LINES) for n in range(GRID_LINES + 1)
    )
    return Chart(tuple(bars), grid)


def ceiling(value: int) -> int:
    """The least 4, 8, 12, 20, 40, 80, 120 … that is not below the value: GRID_LINES parts of it are round numbers."""
    scale = 1
    while True:
        for front in (4, 8, 12, 20):
            if front * scale >= value:
                return front * scale
        scale *= 10
