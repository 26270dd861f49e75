"""Say what is wrong with a National Provider Identifier."""

from __future__ import annotations

PREFIX_SUM = 24  # what the digits of the prefix 80840 add to the Luhn sum


def npi_problem(text: str) -> str | None:
    """Return what is wrong with an NPI, or None when it has ten digits, a first digit 1 or 2, and its check digit."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()):
        return "an NPI is ten digits and nothing else"
    if len(digits) != 10:
        return f"an NPI has ten digits, not {len(digits)}"
    if digits[0] not in "12":
        return "an NPI starts with 1 or 2"
    if len(set(digits[:9])) == 1:
        return "one digit repeated is a placeholder"
    if _luhn(digits) % 10:
        return "the check digit does not fit"
    return None


def _luhn(digits: str) -> int:
    total = PREFIX_SUM
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total
