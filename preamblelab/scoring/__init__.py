"""Marking: responses to ratings."""
