"""Verifiers: pure, total functions that check an answer without any model, one file each."""
