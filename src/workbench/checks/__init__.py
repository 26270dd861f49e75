"""Suites and derived expectations judge staged rows: what fails is counted, held, or stops the run."""
