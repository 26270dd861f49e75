"""Load what the ledger does not yet hold: one verb for first load, sample, resume, delta and re-run."""
