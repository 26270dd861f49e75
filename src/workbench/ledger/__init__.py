"""The append-only record of everything done to a tenant; never deleted, since only it knows."""
