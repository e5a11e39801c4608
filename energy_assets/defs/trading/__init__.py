"""Trading: what the auction awarded, and the schedule for it."""
