"""The built-in model, run for real."""
