"""Providers and what reads them."""
