"""The files of a repository that a module and its tests need: what they import, and no more."""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Final

MOST_FILES: Final = 200
MOST_CHARACTERS: Final = 1_000_000
_RELATIVE: Final = re.compile(r"\bfrom\s*\.+\s*[\w.]*\s+import\b")
_SOURCE_FOLDERS: Final = ("src/", "lib/", "python/")


def import_root(paths: Mapping[str, object], module: str) -> str:
    """The folder from which a module is imported: `src/`, or the repository itself.

    Args:
        paths: all files of the tree.
        module: the module's path.
    """
    for folder in _SOURCE_FOLDERS:
        if module.startswith(folder) and f"{folder}__init__.py" not in paths:
            return folder
    return ""


def needed(paths: Mapping[str, str], starts: Mapping[str, str], root: str) -> set[str]:
    """Paths of the files that some texts import, and what these import in turn.

    Args:
        paths: Python files of the tree by path; their texts.
        starts: texts to begin with, by path.
        root: the folder from which modules are imported.
    """
    found: set[str] = set()
    waiting = list(starts.items())
    while waiting:
        path, text = waiting.pop()
        for name in _imported(text, _package(path, root)):
            for each in _files(name, root):
                if each in paths and each not in found and each not in starts:
                    found.add(each)
                    waiting.append((each, paths[each]))
    for path in {*found, *starts}:
        found |= {each for each in _packages(path) if each in paths and each not in starts}
    conftest = {name for name in ("conftest.py",) if name in paths}
    return found | conftest


def _imported(text: str, package: str) -> Iterator[str]:
    """Dotted names that a text imports, as modules or out of modules."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".") if package else []
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            name = ".".join(part for part in (base, node.module or "") if part)
            yield name
            yield from (f"{name}.{alias.name}" if name else alias.name for alias in node.names)


def beside(paths: Mapping[str, str], path: str, text: str, root: str) -> dict[str, str]:
    """Files that a test imports from its own folder by their bare names, as pytest lets it.

    Args:
        paths: Python files of the tree by path; their texts.
        path: where the test lies.
        text: what it is.
        root: the folder from which modules are imported; what lies there comes first.

    Returns:
        Their places in the tree by the names under which they are imported: `common.py`.
    """
    folder = path.rpartition("/")[0]
    found: dict[str, str] = {}
    if not folder or f"{folder}/__init__.py" in paths:
        return found
    waiting = [text]
    while waiting:
        for name in {each.partition(".")[0] for each in _imported(waiting.pop(), "")}:
            place = f"{folder}/{name}.py"
            hidden = any(each in paths for each in _files(name, root))
            if place in paths and place != path and not hidden and f"{name}.py" not in found:
                found[f"{name}.py"] = place
                waiting.append(paths[place])
    return found


def with_absolute_imports(text: str, path: str, root: str) -> str:
    """A text that imports from beside itself by full names, so that it may lie elsewhere.

    Args:
        text: of a Python file.
        path: where it lies: `from .sub import x` in `tests/test_a.py` is `from tests.sub import x`.
        root: the folder from which modules are imported.
    """
    package = _package(path, root)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return text
    lines = text.splitlines(keepends=True)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level and package:
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1])
            name = ".".join(part for part in (base, node.module or "") if part)
            place = node.lineno - 1
            if name:
                lines[place] = _RELATIVE.sub(f"from {name} import", lines[place], count=1)
    return "".join(lines)


def _package(path: str, root: str) -> str:
    folder = path.removeprefix(root).rpartition("/")[0]
    return folder.replace("/", ".")


def _files(name: str, root: str) -> tuple[str, ...]:
    """Where a dotted name may lie, its packages included."""
    parts = [part for part in name.split(".") if part]
    places = []
    for end in range(1, len(parts) + 1):
        way = root + "/".join(parts[:end])
        places += [f"{way}.py", f"{way}/__init__.py"]
    return tuple(places)


def _packages(path: str) -> tuple[str, ...]:
    parts = path.split("/")[:-1]
    return tuple("/".join(parts[: end + 1]) + "/__init__.py" for end in range(len(parts)))
