"""Bids: the last rung, the best rung, the order file and the pre-trade report."""
