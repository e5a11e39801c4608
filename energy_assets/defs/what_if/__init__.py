"""What-if reports: the scenario library on a decision, one asset and job per area."""
