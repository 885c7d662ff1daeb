"""The command line: arguments, one use case, print."""

from preamblelab.cli.app import main

__all__ = ["main"]
