"""Decisions as files: what each source row becomes, which value stands for which spelling, and who signed it."""
