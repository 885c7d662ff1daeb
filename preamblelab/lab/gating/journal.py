"""The journal of a run that is not decided yet: what it began with, should it be killed."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from preamblelab.domain.base import text_digest
from preamblelab.domain.registry import Holder
from preamblelab.errors import StoreError
from preamblelab.lab.gating.planned import GatePlan
from preamblelab.store.durable import write_file
from preamblelab.store.faults import one_line

JOURNAL: Final = "run.json"
BEFORE: Final = "config.before"
ANSWERS: Final = "answers.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """What a run began with."""

    run: str
    started: str
    """UTC."""
    slot: str
    challenger: Mapping[str, Any]
    """The holder, as JSON."""
    champion: Mapping[str, Any] | None
    plan: str
    """Digest of what the run measures; another plan is another run."""
    configuration: str | None
    """Digest of the configuration in use; None: none was named."""


def digest_of(path: Path | None) -> str | None:
    """Digest of a configuration file's bytes; None where there is no such file."""
    if path is None or not path.is_file():
        return None
    return text_digest(path.read_bytes().decode("latin-1"))


def read_journal(folder: Path) -> Journal | None:
    """The journal in a slot's folder; None when no run is open.

    Raises:
        StoreError: the file is damaged.
    """
    path = folder / JOURNAL
    try:
        return Journal(**json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise StoreError(
            f"{path}: this is no journal of a run: {error}; begin again with --new"
        ) from None


def begin_journal(folder: Path, plan: GatePlan, started: str) -> Journal:
    """Begin a run: keep the configuration's bytes, then the journal.

    Args:
        folder: the slot's folder for the open run; nothing is in it.
        plan: what is asked.
        started: now, in UTC.
    """
    with one_line(folder, "begin a run"):
        folder.mkdir(parents=True, exist_ok=True)
    stamp = "".join(c for c in started.partition(".")[0] if c.isalnum())
    run = f"{stamp.rstrip('Z')}Z-{plan.challenger.digest[3:11]}"
    if plan.configuration is not None:
        write_file(folder / BEFORE, plan.configuration.read_bytes())
    champion = plan.champion
    journal = Journal(
        run=run,
        started=started,
        slot=plan.policy.slot,
        challenger=plan.challenger.model_dump(mode="json"),
        champion=None if champion is None else champion.model_dump(mode="json"),
        plan=plan.manifest("", "").digest,
        configuration=digest_of(plan.configuration),
    )
    text = json.dumps(asdict(journal), indent=2, sort_keys=True) + "\n"
    write_file(folder / JOURNAL, text.encode("utf-8"))
    return journal


def same_run(journal: Journal, plan: GatePlan) -> bool:
    """Whether the open run measures what the plan does."""
    champion = None if journal.champion is None else Holder.model_validate(journal.champion).digest
    return (
        journal.plan == plan.manifest("", "").digest
        and Holder.model_validate(journal.challenger).digest == plan.challenger.digest
        and champion == (None if plan.champion is None else plan.champion.digest)
    )
