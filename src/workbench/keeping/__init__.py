"""Kept for the years that records must be kept, and destroyed with a certificate: archive, restore, purge."""
