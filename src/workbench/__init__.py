"""The Dental-Exec to Freshsales workbench: exports in, an approved and reconciled tenant out."""

import sys

__version__ = "0.1.0"

# jsonschema (under altair and nbformat) checks IRIs where this package is there, and does without where it is not. Its
# import builds a grammar for two seconds in every process, and nothing here holds an IRI against a schema.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
