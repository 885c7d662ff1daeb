"""The face of the package: what it offers, and what merely naming it costs."""

import subprocess
import sys
from importlib import import_module

import pytest

import preamblelab as pl

HEAVY = "{'litellm', 'dspy', 'pandas', 'numpy', 'scipy', 'aiohttp'}"


@pytest.mark.parametrize("name", pl.__all__)
def test_every_public_name_is_there_and_explains_itself(name):
    value = getattr(pl, name)
    assert value is not None
    if callable(value):
        assert (value.__doc__ or "").strip()


def test_the_face_holds_exactly_what_it_says():
    assert sorted(dir(pl)) == sorted(pl.__all__)
    assert len(set(pl.__all__)) == len(pl.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = pl.nothing


def test_what_type_checkers_see_is_what_is_brought_in():
    for name, home in pl._HOME.items():
        assert getattr(import_module(f"preamblelab.{home}"), name) is getattr(pl, name)


ASK = """
import sys
sys.argv = {arguments}
from preamblelab.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code
"""


@pytest.mark.parametrize(
    "program",
    [
        "import preamblelab",
        "import preamblelab as pl; pl.Preamble, pl.Budget, pl.PreamblelabError",
        ASK.format(arguments=["preamblelab", "--help"]),
        ASK.format(arguments=["preamblelab", "run", "--help"]),
    ],
)
def test_naming_the_package_and_asking_for_help_load_nothing_heavy(program):
    asked = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint({HEAVY} & set(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout.endswith("set()\n")
