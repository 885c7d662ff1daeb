"""What every noun is built on: frozen specs, names, and digests of content."""

import hashlib
import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""A name that is safe in a label, a table and a file name: letters, digits, `.`, `_`, `-`."""


class Spec(BaseModel):
    """Base of what comes from a YAML file or a user: frozen, unknown fields forbidden."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


def canonical_json(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no blanks, ASCII (so lone surrogates survive)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def content_digest(value: Any) -> str:
    """The address of a JSON-like value: `b2:` and 32 hex digits of BLAKE2b.

    The prefix names the algorithm, so that a change of it is seen.
    """
    digest = hashlib.blake2b(canonical_json(value).encode("ascii"), digest_size=16)
    return "b2:" + digest.hexdigest()


def text_digest(text: str) -> str:
    """The address of a text's bytes; two answers are byte-identical when theirs are equal."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16)
    return "b2:" + digest.hexdigest()
