"""The nouns: frozen, validated, pure."""
