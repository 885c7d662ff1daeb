"""The simulated models: what they are, perceive and write, and what is true of them."""
