"""Raw feeds: one asset per table and scope."""
