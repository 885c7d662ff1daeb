"""A configuration on trial: put in place by hand, named in a journal, taken back to the byte."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from preamblelab.domain.base import text_digest
from preamblelab.errors import RegistryError, SpecError, StoreError
from preamblelab.lab.gating.home import Home
from preamblelab.library.gates import load_gate
from preamblelab.store.connection import utc_now
from preamblelab.store.durable import write_file
from preamblelab.store.faults import one_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A trial that is in force."""

    since: str
    """UTC."""
    configuration: str
    """The file in use, which the trial has replaced."""
    before: str
    """Digest of its bytes before."""
    trial: str
    """Digest of the bytes on trial."""

    @property
    def notice(self) -> str:
        """What every command says while it is in force."""
        return (
            f"a trial of {self.configuration} is in force since {self.since}; take it back with "
            "'preamblelab gate revert'"
        )


def trial_in_force(home: Home) -> Trial | None:
    """The trial that is in force; None when none is.

    Raises:
        StoreError: its journal is damaged.
    """
    try:
        return Trial(**json.loads(home.trial.read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise StoreError(f"{home.trial}: this is no journal of a trial: {error}") from None


def put_on_trial(gate: Path, home: Home, replacement: Path) -> Trial:
    """Put another configuration in use, after its bytes and a journal are safe.

    A kill leaves the old configuration, or the new one with the journal that names it.

    Args:
        gate: rules that name the configuration in use.
        home: where journal and bytes are kept.
        replacement: the file to try.

    Raises:
        SpecError: the gate names no configuration, or there is no such replacement.
        RegistryError: a trial is in force already.
    """
    loaded = load_gate(gate)
    if loaded.policy.configuration is None:
        raise SpecError(f"{gate}: names no 'configuration' that could be tried")
    active = (loaded.place.path.parent / loaded.policy.configuration).resolve()
    if (known := trial_in_force(home)) is not None:
        raise RegistryError(known.notice)
    with one_line(active, "read the configuration"):
        before = active.read_bytes()
    with one_line(replacement, "read the replacement"):
        content = replacement.read_bytes()
    with one_line(home.folder, "make the folder"):
        home.folder.mkdir(parents=True, exist_ok=True)
    trial = Trial(
        since=utc_now(),
        configuration=str(active),
        before=_digest(before),
        trial=_digest(content),
    )
    write_file(_kept(home), before)
    write_file(home.trial, (json.dumps(asdict(trial), indent=2) + "\n").encode("utf-8"))
    write_file(active, content)
    return trial


def revert(home: Home) -> Trial:
    """Take a trial back: the bytes from before, verified.

    Raises:
        SpecError: no trial is in force.
        RegistryError: somebody has edited the configuration since.
    """
    trial = trial_in_force(home)
    if trial is None:
        raise SpecError("no trial is in force: there is nothing to take back")
    active = Path(trial.configuration)
    with one_line(_kept(home), "read the bytes from before"):
        before = _kept(home).read_bytes()
    now = _digest(active.read_bytes()) if active.is_file() else None
    if now not in {trial.before, trial.trial, None}:
        raise RegistryError(
            f"{active}: edited since the trial began, and not changed now: take over what you "
            f"need, the bytes from before are in {_kept(home)}"
        )
    if now != trial.before:
        write_file(active, before)
    if _digest(active.read_bytes()) != trial.before:
        raise StoreError(f"{active}: these are not the bytes from before; see {_kept(home)}")
    home.trial.unlink()
    _kept(home).unlink()
    return trial


def _kept(home: Home) -> Path:
    return home.trial.with_name("trial.before")


def _digest(content: bytes) -> str:
    return text_digest(content.decode("latin-1"))
