"""Gates beside the day-ahead auction: reserves and intraday auctions, each with its own assets."""
