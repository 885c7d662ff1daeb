"""Programs whose whole process is measured: ours, and what it is compared with."""
