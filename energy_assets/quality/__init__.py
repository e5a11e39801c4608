"""Deadline checks on data: screening rows on the way in, verdicts on what a decision reads.

Belongs here: checks generated from the table registry and the market rules, the verdict per input
that the bid ladder steps down on, admission of a feed's rows with quarantine. Not here: the write
path (`lakehouse`), order-set checks (`market.orders`), Great Expectations suites.

Input checks never block a run: they write verdicts. Only order-set checks block.
"""

from energy_assets.quality.admission import Admission, admit
from energy_assets.quality.screening import Rejection, screen
from energy_assets.quality.verdicts import Verdict, overall, verdict_frame, verdicts

__all__ = [
    "Admission",
    "Rejection",
    "Verdict",
    "admit",
    "overall",
    "screen",
    "verdict_frame",
    "verdicts",
]
