"""Tessa's verification: slicing, candidates, isolated runs, mutants, triage, report."""
