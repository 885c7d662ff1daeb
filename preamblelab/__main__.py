"""`python -m preamblelab` is the command line."""

from preamblelab.cli import main

main()
