"""What is here: models on this host, facts about ids, names in the project, runs in a store."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from preamblelab.lab.looping import to_the_end
from preamblelab.lab.usecases import specs_of
from preamblelab.library import Project, load_models
from preamblelab.report.layout import Grid, Section, as_text
from preamblelab.store import Store


def described(ids: Sequence[str]) -> list[dict[str, Any]]:
    """What is known of each id, with the source of each fact; no server is asked.

    Returns:
        Per id: model, size, total_b, active_b (billions), family, quantisation, context, sources
        (by fact) and notes; what nobody knows is None and its source is `unknown`.
    """
    rows = []
    for spec, given in zip(specs_of(ids), ids, strict=True):
        facts = spec.facts()
        rows.append(
            {
                "model": given,
                "size": facts.size,
                "total_b": facts.total_b,
                "active_b": facts.active_b,
                "family": facts.family,
                "quantisation": facts.quantisation,
                "context": facts.context,
                "sources": {name: facts.source(name) for name in _TOLD},
                "notes": list(facts.notes),
            }
        )
    return rows


_TOLD = ("size", "total_b", "active_b", "family", "quantisation", "context")


def facts_text(rows: Sequence[dict[str, Any]]) -> str:
    """Facts as a table, each with its source."""
    columns = ("model", *_TOLD)
    cells = tuple(
        (
            row["model"],
            *(
                "-" if row[name] is None else f"{_short(row[name])} ({row['sources'][name]})"
                for name in _TOLD
            ),
        )
        for row in rows
    )
    notes = tuple(f"{row['model']}: {note}" for row in rows for note in row["notes"])
    return as_text([Section(grid=Grid(columns=columns, rows=cells), notes=notes)])


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def found_servers(api_bases: Sequence[str]) -> list[dict[str, Any]]:
    """Engines that answer on this host, with the models they serve."""
    from preamblelab.execution.servers import discover

    return [
        {
            "engine": server.kind,
            "api_base": server.api_base,
            "reason": server.reason,
            "models": [
                {**asdict(facts), "yaml": server.how_to_name(facts)} for facts in server.models
            ],
        }
        for server in to_the_end(discover(api_bases))
    ]


def servers_text(servers: Sequence[dict[str, Any]]) -> str:
    """Engines as a table, and lines for models.yaml."""
    if not servers:
        return (
            "No engine answers on this host (tried Ollama, llama.cpp, vLLM and LM Studio at their "
            "usual ports).\nName another address with --api-base, or use the simulated models: "
            "preamblelab list models\n"
        )
    columns = (
        "engine",
        "model",
        "size",
        "parameters",
        "family",
        "quantisation",
        "context",
        "digest",
    )
    rows = []
    snippets: list[str] = []
    for server in servers:
        for each in server["models"]:
            rows.append(
                (
                    f"{server['engine']} {server['api_base']}",
                    str(each["model"]),
                    str(each["size"]),
                    "-" if each["total_b"] is None else f"{each['total_b']:.3g}B",
                    str(each["family"] or "-"),
                    str(each["quantisation"] or "-"),
                    str(each["context"] or "-"),
                    str(each["digest"] or "-")[:19],
                )
            )
            snippets.append(each["yaml"])
    silent = tuple(f"{s['api_base']}: {s['reason']}" for s in servers if s["reason"])
    if not rows:
        return as_text([Section(lines=silent)])
    lines = (*silent, "In experiments/models.yaml:", *(f"  {line}" for line in snippets))
    return as_text([Section(grid=Grid(columns=columns, rows=tuple(rows))), Section(lines=lines)])


def listed(kind: str, store: Path) -> list[dict[str, Any]]:
    """Names of a kind, or the runs in a store."""
    if kind == "runs":
        with Store(store, read_only=True) as opened:
            return [asdict(entry) for entry in opened.experiments()]
    if kind == "models":
        return [
            {
                "name": model.name,
                "id": model.id,
                "size": model.facts().size,
                "simulated": model.simulated,
            }
            for model in load_models().values()
        ]
    project = Project.above()
    return [{"name": name} for name in project.names(kind)]  # type: ignore[arg-type]


def listed_text(rows: Sequence[dict[str, Any]]) -> str:
    """Rows as a table."""
    if not rows:
        return "nothing yet\n"
    columns = tuple(rows[0])
    cells = tuple(tuple(_cell(name, row[name]) for name in columns) for row in rows)
    return as_text([Section(grid=Grid(columns=columns, rows=cells))])


def _cell(name: str, value: object) -> str:
    """A value short enough for a table; JSON gives it whole."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    if name in {"created", "updated"}:
        return text[:16].replace("T", " ")
    return text if len(text) <= 48 else text[:45] + "..."
