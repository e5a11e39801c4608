"""Training: models made ahead of the deadline, their registry, checks on calibration drift."""
