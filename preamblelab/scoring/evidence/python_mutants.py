"""Mutants of a Python module, by the operators of mutmut (https://mutmut.readthedocs.io).

Only the list of operators is taken from mutmut: its own way to a file reads configuration from the
current folder, which would make the mutants of a task depend on where it is run.
"""

import ast
import random
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from preamblelab.domain.evidence import AutoMutants, MutantKind
from preamblelab.scoring.evidence.kills import MutantText

if TYPE_CHECKING:
    import libcst as cst

INSTALL: Final = "mutants: auto needs mutmut: pip install 'preamblelab[evidence]'"

_KINDS: Final[dict[str, MutantKind]] = {
    "operator_number": "boundary",
    "operator_swap_op": "logic",
    "operator_keywords": "logic",
    "operator_name": "logic",
    "operator_if_exp": "logic",
    "operator_match": "logic",
    "operator_remove_unary_ops": "logic",
}
_COMPARISONS: Final = frozenset({"LessThan", "LessThanEqual", "GreaterThan", "GreaterThanEqual"})


class NoMutmutError(Exception):
    """The library is not installed; the message says how to install it."""


@lru_cache(maxsize=64)
def auto_mutants(module: str, spec: AutoMutants) -> tuple[MutantText, ...]:
    """Wrong versions of a module, the same for the same text and seed.

    Args:
        module: the right text.
        spec: how many at most, and the seed.

    Raises:
        NoMutmutError: mutmut is not installed.
    """
    try:
        import libcst as cst
        from mutmut.mutation.mutators import mutation_operators
    except ImportError:
        raise NoMutmutError(INSTALL) from None
    tree = cst.parse_module(module)
    right = ast.dump(ast.parse(module))
    found: dict[str, tuple[MutantKind, str]] = {}
    for node, raising in _mutable(tree):
        for kind, operator in mutation_operators:
            if not isinstance(node, kind):
                continue
            for changed in operator(node):
                text = tree.deep_replace(node, changed).code
                shape = _shape(text)
                if shape and shape != right and shape not in found:
                    found[shape] = (_kind(node, operator.__name__, raising), text)
    drawn = list(found.values())
    if len(drawn) > spec.auto:
        chooser = random.Random(f"mutants/{spec.seed}")  # noqa: S311 - not a secret
        drawn = [drawn[place] for place in sorted(chooser.sample(range(len(drawn)), spec.auto))]
    return tuple(
        MutantText(f"{kind}-{number}", kind, text) for number, (kind, text) in enumerate(drawn, 1)
    )


def _mutable(tree: "cst.Module") -> Iterator[tuple["cst.CSTNode", bool]]:
    """Nodes that do something when the module runs, and whether each stands in a `raise`."""
    import libcst as cst

    waiting: list[tuple[cst.CSTNode, bool]] = [(tree, False)]
    while waiting:
        node, raising = waiting.pop()
        if isinstance(node, cst.Annotation | cst.Decorator | cst.Import | cst.ImportFrom):
            continue
        if isinstance(node, cst.Expr) and isinstance(node.value, cst.BaseString):
            continue  # a docstring
        raising = raising or isinstance(node, cst.Raise)
        yield node, raising
        waiting += [(child, raising) for child in reversed(node.children)]


def _shape(text: str) -> str:
    try:
        return ast.dump(ast.parse(text))
    except (SyntaxError, ValueError):
        return ""


def _kind(node: "cst.CSTNode", operator: str, raising: bool) -> MutantKind:
    if raising:
        return "message" if operator == "operator_string" else "error"
    if type(node).__name__ in _COMPARISONS:
        return "boundary"
    return _KINDS.get(operator, "value")
