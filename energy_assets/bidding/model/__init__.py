"""The stochastic model in Pyomo: one module per unit type, market product and kind of risk.

Belongs here: equations, in docstrings and in the rules below them, and the build that joins them.
Not here: which problem to solve and how often (`bidding.stochastic`), the hand-off (`handoff`).
"""
