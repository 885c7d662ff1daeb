"""The use cases: each a few lines over the rooms below."""
