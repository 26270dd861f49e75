"""Destination-shaped rows, made of source rows by what the mapping says; each with a fingerprint of its payload."""
