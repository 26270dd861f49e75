"""Read what front desks write of insurance carriers: pure functions, no tables; nothing is proposed here."""
