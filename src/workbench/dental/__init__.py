"""What a dental practice knows: codes, recalls, roles, claims, identifiers; pure functions over text, no tables."""
