"""Who serves and who challenges: the file's word at first, then what the registry says."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from preamblelab.decision.role_clauses import Contender
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.registry import Holder, Registry
from preamblelab.domain.roles import RolesFile, RoleSpec
from preamblelab.errors import SpecError
from preamblelab.library import load_models
from preamblelab.library.files import Place
from preamblelab.library.fitting import fit, near
from preamblelab.library.strict_yaml import parse_fields
from preamblelab.store.registry_file import read_registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """Who is in a role now."""

    role: str
    spec: RoleSpec
    incumbent: str | None
    """None: the role is vacant."""
    challengers: tuple[str, ...]
    incumbent_digest: str | None
    """The holder's digest by the registry; None before the first decision."""

    @property
    def models(self) -> tuple[str, ...]:
        """Everybody, the incumbent first."""
        return ((self.incumbent,) if self.incumbent else ()) + self.challengers


@dataclass(frozen=True, slots=True, kw_only=True)
class RolesProject:
    """A file of roles with what it names."""

    path: Path
    file: RolesFile
    registry: Registry
    known: Mapping[str, ModelSpec]
    """The project's catalogue."""

    @property
    def registry_path(self) -> Path:
        """The file that says who serves."""
        return self.path.parent / self.file.registry

    @property
    def reports(self) -> Path:
        """The folder of the dated reports."""
        return self.path.parent / self.file.reports

    def spec(self, name: str) -> ModelSpec:
        """How a model is asked."""
        return self.file.spec(name, self.known)

    def contender(self, name: str) -> Contender:
        """A model as the clauses on cost and families see it."""
        own = self.file.models[name]
        return Contender(name=name, family=own.kin(name), paid=own.paid)

    def holder(self, name: str, weights: str | None) -> Holder:
        """A model as the registry keeps it.

        Args:
            name: the model.
            weights: the server's digest of the weights behind its tag, where known.
        """
        own = self.file.models[name]
        holder = Holder.of_model(self.spec(name), weights=weights or own.digest)
        tier = "paid" if own.paid else "free"
        return holder.model_copy(update={"name": name, "family": own.kin(name), "cost_tier": tier})

    def staff(self, role: str) -> Staff:
        """Who serves and who challenges now.

        Raises:
            SpecError: there is no such role, or the registry names a model that the file lost.
        """
        if role not in self.file.roles:
            raise SpecError(f"{self.path}: no role '{role}'; {near(role, self.file.roles)}")
        spec, slot = self.file.roles[role], self.registry.slot(role)
        incumbent, digest = spec.incumbent, slot.champion
        if digest is not None:
            incumbent = self.registry.holders[digest].name
        standing = [self.registry.holders[each].name for each in slot.challengers]
        names = dict.fromkeys([*spec.challengers, *standing])
        for name in (*names, *([incumbent] if incumbent else [])):
            if name not in self.file.models:
                raise SpecError(
                    f"{self.path}: role '{role}' has '{name}' by the registry, which is not under "
                    "'models': put it back with its family and cost_tier"
                )
        return Staff(
            role=role,
            spec=spec,
            incumbent=incumbent,
            challengers=tuple(name for name in names if name != incumbent),
            incumbent_digest=digest,
        )


def open_roles(file: Path) -> RolesProject:
    """The roles of a YAML file, with the registry beside it.

    Raises:
        SpecError: the file is wrong; the message names the line.
        StoreError: the registry cannot be read.
    """
    place = Place(root=file.resolve().parent, parts=(file.name,))
    found = fit(RolesFile, parse_fields(place.read(), place.shown), place.shown)
    registry = read_registry(file.parent / found.registry)
    return RolesProject(path=file, file=found, registry=registry, known=load_models())
