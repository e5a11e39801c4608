"""The time axis of a delivery day: positions in UTC, labels on the market's wall clock.

Plotly knows no time zones, so bars and lines stand at UTC and the ticks carry local labels. A day
of 23 or 25 hours then has 23 or 25 equal hours, and the repeated autumn hour shows its offsets.

Belongs here: positions, ticks, hover labels. Not here: the calendar (`market.clock`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from energy_assets.market.clock import DeliveryDay
from energy_assets.reports import theme


def position(moment: datetime) -> str:
    """Where a UTC moment lies on the axis."""
    return moment.strftime("%Y-%m-%d %H:%M")


class TimeAxis:
    """The axis of one delivery day."""

    def __init__(self, day: DeliveryDay) -> None:
        self.day = day
        self._zone = ZoneInfo(day.clock)

    def starts(self, minutes: int) -> list[str]:
        """Positions of period starts."""
        return [position(start) for start in self.day.grid(minutes)]

    def edges(self, minutes: int) -> list[str]:
        """Positions of period starts and the day's end, for lines drawn as steps."""
        return [*self.starts(minutes), position(self.day.end)]

    def ends(self, minutes: int) -> list[str]:
        """Positions of period ends."""
        return self.edges(minutes)[1:]

    def labels(self, minutes: int) -> list[str]:
        """`14:15–14:30` on the wall clock; offsets are named in a repeated hour."""
        step = timedelta(minutes=minutes)
        return [
            f"{self.label(start)}–{(start + step).astimezone(self._zone):%H:%M}"
            for start in self.day.grid(minutes)
        ]

    def ticks(self, every_hours: int, **settings: Any) -> dict[str, Any]:
        """Axis settings with local labels; short day or long, every tick is a real hour."""
        hours = [
            start
            for start in self.day.grid(60)
            if start.astimezone(self._zone).hour % every_hours == 0
        ]
        return theme.axis(
            type="date",
            tickvals=[position(start) for start in hours],
            ticktext=[self.label(start).replace("+", "<br>+") for start in hours],
            range=[position(self.day.start), position(self.day.end)],
            hoverformat="%d %b %H:%M UTC",
            ticks="outside",
            showgrid=True,
            spikecolor=theme.AXIS,
            spikethickness=1,
            spikedash="solid",
            **settings,
        )

    def clock_trace(self, minutes: int, level: float = 0.0) -> dict[str, Any]:
        """An invisible line that puts the wall clock into the common hover label.

        Args:
            minutes: Period length.
            level: Where it lies; a value inside the chart's range, or it would widen it.
        """
        labels = self.labels(minutes)
        return {
            "type": "scatter",
            "x": self.starts(minutes),
            "y": [round(level, 4)] * len(labels),
            "mode": "lines",
            "line": {"color": "rgba(0,0,0,0)"},
            "customdata": labels,
            "hovertemplate": "%{customdata} local<extra></extra>",
            "showlegend": False,
        }

    def label(self, moment: datetime) -> str:
        """`14:15` on the wall clock, with its offset in a repeated hour."""
        local = moment.astimezone(self._zone)
        twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
        # In the spring gap no real moment is ambiguous, so a difference means a repeated hour.
        return f"{local:%H:%M}{local:%z}" if twice else f"{local:%H:%M}"
