"""The registry's file: read strictly, changed by one process at a time, old or new, never half."""

import json
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from preamblelab.domain.registry import Registry
from preamblelab.errors import StoreError
from preamblelab.store.connection import utc_now
from preamblelab.store.durable import write_file
from preamblelab.store.faults import one_line
from preamblelab.store.locking import writer_lock


def read_registry(path: Path) -> Registry:
    """The registry in a file; an empty one where there is none.

    Raises:
        StoreError: the file is no registry, was edited by hand, or cannot be read.
    """
    with one_line(path, "read the registry"):
        try:
            text = path.read_text("utf-8")
        except FileNotFoundError:
            return Registry()
    try:
        return Registry.model_validate_json(text, strict=False)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise StoreError(
            f"{path}: this is no registry: {where}: {first['msg']}; it was not changed, put back a "
            "copy of it"
        ) from None


def change_registry(path: Path, purpose: str, change: Callable[[Registry], Registry]) -> Registry:
    """Change the registry while nobody else does.

    Args:
        path: its file; made where there is none.
        purpose: what is done, told to whoever is refused meanwhile.
        change: from the registry as it now is to the one to write; raises to change nothing.

    Returns:
        The registry as written.

    Raises:
        StoreError: another process changes it, or it cannot be written.
    """
    with one_line(path, "write the registry"):
        path.parent.mkdir(parents=True, exist_ok=True)
    with writer_lock(path, purpose, utc_now()):
        before = read_registry(path)
        after = change(before)
        if after == before:
            return before
        after = after.model_copy(update={"version": before.version + 1})
        write_file(path, registry_text(after).encode("utf-8"))
        return after


def registry_text(registry: Registry) -> str:
    """The text of the registry's file."""
    document = registry.model_dump(mode="json", by_alias=True)
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=True) + "\n"
