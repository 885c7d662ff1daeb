"""Policy files: YAML or JSON to `PolicySpec`, and back to a text that people and programs read."""

import json
import os
from pathlib import Path
from typing import Any, Final

import yaml

from preamblelab.domain.policies import PolicySpec
from preamblelab.errors import SpecError
from preamblelab.library.files import Place
from preamblelab.library.fitting import fit
from preamblelab.library.strict_yaml import parse_fields

_HEAD: Final = """\
# Which preamble for which model; written by `preamblelab choose`.
# Ask it with: preamblelab resolve MODEL --policy {file}
"""


def load_policy_spec(path: str | Path) -> PolicySpec:
    """The policy in a file, YAML or JSON.

    Raises:
        SpecError: there is no such file, or it is no policy; the message names line and field.
    """
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 -- resolve() would follow links
    if not absolute.exists():
        raise SpecError(
            f"{path}: no such policy; write one with: preamblelab choose EXPERIMENT --write {path}"
        )
    # A policy is shipped beside a program, often as a link that is switched to a new file.
    real = Path(os.path.realpath(absolute))
    place = Place(root=real.parent, parts=(real.name,))
    return policy_from_text(place.read(), str(path))


def policy_from_text(text: str, file: str) -> PolicySpec:
    """The policy that a text holds.

    Args:
        text: YAML, of which JSON is a part.
        file: its name, for messages.

    Raises:
        SpecError: it holds none; the message names line and field.
    """
    root = parse_fields(text, file)
    if "policy" not in root.fields:
        raise SpecError(
            f"{file}: this is no policy: it does not begin with 'policy: 1'; "
            "write one with: preamblelab choose EXPERIMENT --write FILE"
        )
    return fit(PolicySpec, root, file)


def policy_text(policy: PolicySpec, file: str = "policy.yaml") -> str:
    """The policy as a file: JSON where the name ends so, else YAML.

    Raises:
        SpecError: a text in it cannot be written so that it is read back the same.
    """
    if file.endswith(".json"):
        text = policy_json(policy)
    else:
        dumped = yaml.dump(
            policy.document(),
            Dumper=_Dumper,
            sort_keys=False,
            allow_unicode=True,
            width=96,
        )
        text = _HEAD.format(file=Path(file).name) + dumped
    if policy_from_text(text, file).document() != policy.document():
        raise SpecError(f"{file}: a text in this policy cannot be written; use a .json file")
    return text


def policy_json(policy: PolicySpec) -> str:
    """The policy as JSON, which a program reads without this library."""
    return json.dumps(policy.document(), indent=2, ensure_ascii=True, allow_nan=False) + "\n"


class _Dumper(yaml.SafeDumper):
    """Texts of several lines stand as blocks, as a person would write them."""


def _text(dumper: yaml.SafeDumper, text: str) -> Any:
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    )


_Dumper.add_representer(str, _text)
