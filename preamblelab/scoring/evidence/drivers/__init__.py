"""Programs that run inside the sandbox beside a model's tests."""
