"""The `optimise` command's work: one problem file in; orders, plan, value and risk out.

HiGHS answers by the desk's recipe (`bidding.stochastic`); any other solver gets the whole problem
as one mixed-integer program. Nothing is written.

Not here: the problem's checks (`bidding.problem`), the document's schema (`bidding.schemas`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from energy_assets.bidding import BiddingProblem, BiddingSolution, PathBand, load_problem, solve
from energy_assets.bidding.solvers import solve_whole
from energy_assets.bidding.solvers.named import require_known


@dataclass(frozen=True)
class OptimiseAnswer:
    """A problem and its solution."""

    problem: BiddingProblem
    solution: BiddingSolution

    def document(self) -> dict[str, Any]:
        """What `--json` prints; its schema is `bidding/schemas/answer.json`."""
        return self.solution.as_json()

    def headline(self) -> str:
        """Rung, status, value and risk in one line."""
        found = self.solution
        return (
            f"{found.rung.value} · {found.status} · expected {found.expected_value:,.2f}"
            f" · CVaR {found.cvar:,.2f} · gap {found.gap:.4%} ({found.bound_scope})"
        )

    def tables(self) -> list[Table]:
        """Curves and plan by MTU, then other orders where there are some."""
        tables = [self._curves(), self._plan(), self._orders(), self._intraday()]
        return [table for table in tables if table.row_count]

    def breaches(self) -> list[str]:
        """Soft limits the solution pays for."""
        return [str(breach) for breach in self.solution.soft_breaches]

    def _curves(self) -> Table:
        table = Table("MTU start (UTC)", "points (currency/MWh: MW)", title="Curves")
        rules = self.problem.rules
        for curve in self.solution.curves:
            points = "  ".join(
                f"{rules.price(price):g}: {rules.volume_mw(volume):g}"
                for price, volume in curve.points
            )
            table.add_row(_clock(curve.start), points)
        return table

    def _plan(self) -> Table:
        units = self.solution.dispatch
        names = [unit.name for unit in units]
        table = Table("MTU start (UTC)", *names, "imbalance", title="Plan, MW: mean (5 % .. 95 %)")
        bands = [*(unit.power for unit in units), self.solution.imbalance]
        for t, start in enumerate(self.solution.starts):
            table.add_row(_clock(start), *(_cell(band, t) for band in bands))
        return table

    def _orders(self) -> Table:
        table = Table("order", "start (UTC)", "price", "MW", title="Block orders, reserve offers")
        for block in self.solution.block_orders:
            what = f"block {block.side} over {block.mtu_count} MTUs"
            price, volume = f"{block.limit_price:g}", f"{block.volume_mw:.3f}"
            table.add_row(what, _clock(block.start), price, volume)
        for offer in self.solution.reserve_offers:
            price, volume = f"{offer.price:g}", f"{offer.volume_mw:.3f}"
            table.add_row(offer.product, _clock(offer.start), price, volume)
        return table

    def _intraday(self) -> Table:
        plans = self.solution.intraday
        nodes = [f"node {plan.node} ({plan.probability:.0%})" for plan in plans]
        table = Table("MTU start (UTC)", *nodes, title="Intraday, net sale MW")
        if plans:
            paths = np.array([plan.net_sale for plan in plans])
            for start, volumes in zip(self.solution.starts, paths.T, strict=True):
                row = (f"{volume + 0.0:.1f}" for volume in volumes.round(1))
                table.add_row(_clock(start), *row)
        return table


def run_optimise(path: Path, solver: str) -> OptimiseAnswer:
    """Solve a problem file.

    Args:
        path: The problem document.
        solver: `highs` for the recipe, or another solver for the whole problem.

    Raises:
        InputError: One line naming file, field, expected and found.
        InfeasibleError: Names the unit and the limit.
        SolverError: If the solver is absent, its licence too small, or it found no solution.
    """
    require_known(solver, "--solver")
    problem = load_problem(path)
    solution = solve(problem) if solver == "highs" else solve_whole(problem, solver)
    return OptimiseAnswer(problem, solution)


def _cell(band: PathBand, mtu: int) -> str:
    # Adding 0 turns a rounded -0.0 into 0.0.
    mean, low, high = (round(float(p[mtu]), 1) + 0.0 for p in (band.mean, band.p05, band.p95))
    return f"{mean}" if low == high else f"{mean} ({low}..{high})"


def _clock(start: datetime) -> str:
    return f"{start:%m-%d %H:%M}"
