"""Outages: the sensor that redoes decisions on news, and the check that names secret ones."""
