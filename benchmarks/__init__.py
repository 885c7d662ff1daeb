"""Speed, as ratios to named peers inside one run: `python -m benchmarks`."""
