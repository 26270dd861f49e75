"""The rehearsal Freshsales: a tenant served over real HTTP, with its own reading of the vendor's contract."""
