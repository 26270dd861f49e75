"""Widgets that write decision files; nothing downstream reads a widget."""
