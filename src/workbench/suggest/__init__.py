"""The machine proposes; nothing here decides, and no later room reads a suggestion."""
