"""Patricia's plans: model, cells, progress."""
