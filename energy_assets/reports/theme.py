"""How every chart looks: a colour-blind-safe palette and one neutral layout for dark and light.

Colours are from Okabe and Ito, "Color Universal Design" (2008), blue a little lighter, to stand on
dark paper too. Paper and plot are transparent and lines marked `INK` take the page's text colour,
so that the page can switch themes without redrawing.

Belongs here: colours, axes, number formats. Not here: any chart.
"""

from __future__ import annotations

from typing import Any

BLUE, SKY, GREEN = "#2A82C4", "#56B4E9", "#009E73"
ORANGE, VERMILLION, PURPLE = "#E69F00", "#D55E00", "#CC79A7"
YELLOW, GREY = "#F0E442", "#8C8C94"
GRID = "rgba(128,128,140,0.18)"
AXIS = "rgba(128,128,140,0.55)"
INK = {"ink": True}
INK_COLOUR = "#4b5563"

SERIES = (BLUE, ORANGE, GREEN, PURPLE, VERMILLION, SKY, GREY, YELLOW)
KIND_COLOURS = {
    "wind": SKY,
    "solar": ORANGE,
    "thermal": VERMILLION,
    "battery": GREEN,
    "load": GREY,
}
# Purchase (orange) to sale (blue), light where nothing is traded.
VOLUME_SCALE = (
    (0.0, "#B35806"),
    (0.25, "#F1A340"),
    (0.5, "#EDEDF0"),
    (0.75, "#67A9CF"),
    (1.0, "#08519C"),
)
FONT = "Inter, 'Segoe UI', system-ui, -apple-system, 'Helvetica Neue', Arial, sans-serif"


def axis(title: str = "", **settings: Any) -> dict[str, Any]:
    """Settings of one axis."""
    # An empty title would still claim its margin.
    named = {"title": {"text": title, "standoff": 8}} if title else {}
    return {
        **named,
        "gridcolor": GRID,
        "zerolinecolor": AXIS,
        "linecolor": AXIS,
        "tickcolor": AXIS,
        "automargin": True,
        **settings,
    }


def layout(height: int, **settings: Any) -> dict[str, Any]:
    """Settings of a chart."""
    return {
        "height": height,
        "margin": {"l": 60, "r": 20, "t": 30, "b": 28},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 12, "color": INK_COLOUR},
        "hoversubplots": "axis",
        "hoverlabel": {"font": {"family": FONT, "size": 12}},
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 1.02,
            "yanchor": "bottom",
            "xanchor": "left",
            "traceorder": "normal",
        },
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": GREY, "activecolor": BLUE},
        "colorway": list(SERIES),
        "template": None,
        **settings,
    }


def faded(colour: str, opacity: float) -> str:
    """A `#rrggbb` colour with an opacity."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def unit_colour(kind: str, position: int) -> str:
    """Colour of a unit: by its kind, else by its place in the list."""
    return KIND_COLOURS.get(kind, SERIES[position % len(SERIES)])


def number(value: float | None, digits: int = 0, unit: str = "") -> str:
    """A number for people: thousands separators, a proper minus, an en dash for nothing."""
    if value is None:
        return "–"
    text = f"{value:,.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = text.removeprefix("-")
    text = text.replace("-", "−")
    return f"{text} {unit}".strip()
