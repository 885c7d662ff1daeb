"""Numbers from tables; knows nothing of language models."""
