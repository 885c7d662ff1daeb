"""What a test of the sandbox needs of the machine, and the reason when it is not there."""

import shutil

import pytest

from preamblelab.scoring.sandbox import Language


def need(language: Language) -> None:
    """Skip, with the reason, where programs of `language` cannot be isolated by bubblewrap."""
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed: apt-get install bubblewrap")
    if language == "javascript" and shutil.which("node") is None:
        pytest.skip("node is not installed: apt-get install nodejs")
