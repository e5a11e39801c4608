"""The stochastic model a second time: from arrays straight to a sparse matrix.

The equations are those of `bidding.model`, written independently with numpy: one module per unit
type and product, the same names of columns and rows. It is the oracle of the Pyomo build (a test
holds both equal, entry by entry) and the fast path where a model is made again and again
(`replan`).

Not here: what the equations mean (docstrings of `model`), solving (`stochastic`, `replan`).
"""
