"""Asking: trials to responses."""
