"""Sessions: their logs, the stores, and those that are live."""
