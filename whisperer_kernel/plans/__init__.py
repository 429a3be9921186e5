"""Patricia's plans: model, cells, and the tool that makes them."""
