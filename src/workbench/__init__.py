"""The Dental-Exec to Freshsales workbench: exports in, an approved and reconciled tenant out."""

__version__ = "0.1.0"
