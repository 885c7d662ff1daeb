"""Roles as use cases: check, run, decide, report, apply, look back, undo."""
