"""A gate as a use case: plan, run, decide, apply, look back, undo."""
