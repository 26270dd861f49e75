"""The door out: the only room that talks to Freshsales, and the only one that imports httpx."""
