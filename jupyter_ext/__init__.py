"""Jupyter Server extension of Whisperer."""
