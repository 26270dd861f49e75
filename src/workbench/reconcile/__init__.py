"""Both sides compared: counts, every mapped field, links, owners, money, files; it can be red."""
