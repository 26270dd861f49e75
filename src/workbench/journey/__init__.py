"""The steps of a migration: the same notebooks for people and for papermill."""
