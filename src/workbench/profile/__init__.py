"""What values a snapshot really holds, written to profile.* and returned as frames without personal values."""
