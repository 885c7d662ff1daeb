"""Tables to text, for people and programs."""
