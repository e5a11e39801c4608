"""Everything Dagster, by stage: thin wiring around the domain packages, no logic of its own."""
