"""Runs from elsewhere come in, and ours go out: JSONL and CSV of trials and ratings."""
