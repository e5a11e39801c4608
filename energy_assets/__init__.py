"""energy_assets: a power-trading desk's work as software-defined assets."""

__version__ = "0.1.0"
