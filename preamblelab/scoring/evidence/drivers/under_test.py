"""Runs in the sandbox: the module under test, given from memory and watched while tests run."""

# pathlib, like asyncio, would cost each start more than all the rest.
# ruff: noqa: PTH100, PTH120, S102

import os
import sys
import types
from typing import Any

LOOKS = {"f_code", "__code__", "cr_code", "gi_code", "ag_code"}
LOOKERS = ("gc.", "ctypes.", "marshal.", "sys.settrace", "sys.setprofile", "cpython.")


class Watched(types.ModuleType):
    """The module under test: tells when a test sets what the module itself has defined."""

    def __setattr__(self, name: str, value: object) -> None:
        own = self.__dict__.get("__own__")
        if own is not None and name in own:
            self.__dict__["__told__"]("replaces")
        super().__setattr__(name, value)


class Finder:
    """Gives the module under test, from text that lies in no file."""

    def __init__(self, path: str, source: str, told: Any) -> None:
        self.path = os.path.abspath(path)
        parts = path[: -len(".py")].split("/")
        self.package = parts[-1] == "__init__" and len(parts) > 1
        if self.package:
            parts.pop()
        # `pkg/parcel.py` is `pkg.parcel`; tests beside it may also say `parcel`.
        self.names = {".".join(parts), parts[-1]}
        self.code = compile(source, self.path, "exec", dont_inherit=True)
        self.told = told
        self.modules: dict[str, Watched] = {}

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:  # noqa: ARG002
        """Return how to load the module; None for all others."""
        if name not in self.names:
            return None
        from importlib.machinery import ModuleSpec

        spec = ModuleSpec(name, self, origin=self.path, is_package=self.package)  # type: ignore[arg-type]
        if self.package:
            spec.submodule_search_locations = [os.path.dirname(self.path)]
        return spec

    def create_module(self, spec: Any) -> types.ModuleType:
        """Make the module, one for all its names."""
        made = next(iter(self.modules.values()), None) or Watched(spec.name)
        self.modules[spec.name] = made
        return made

    def exec_module(self, module: Any) -> None:
        """Run the module's text."""
        if "__own__" in module.__dict__:
            return
        module.__file__ = self.path
        before = set(module.__dict__)
        exec(self.code, module.__dict__)
        own = {
            name
            for name, value in module.__dict__.items()
            if name not in before
            and not isinstance(value, types.ModuleType)
            and getattr(value, "__module__", module.__name__) == module.__name__
        }
        module.__dict__["__own__"] = own
        module.__dict__["__told__"] = self.told

    def gone(self) -> bool:
        """Return whether something else stands in the module's place."""
        return any(sys.modules.get(name) is not made for name, made in self.modules.items())


def watch_looks(reporter: Any, module: str, tests: str) -> None:
    """Tell when the tests look into the module's code: an audit hook cannot be taken away."""
    lookers = (tests, "dis.py", "inspect.py")
    get_frame = sys._getframe

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "object.__getattr__":
            owner, name = arguments
            if name not in LOOKS:
                return
            code = getattr(owner, "f_globals", None) or getattr(owner, "__globals__", {})
            if not isinstance(code, dict) or code.get("__file__") != module:
                return
        elif not event.startswith(LOOKERS):
            return
        frame: Any = get_frame(1)
        # `inspect` looks for everybody: who asked it for a signature only wants to call.
        caller = frame.f_globals.get("__file__") or ""
        if caller.endswith(lookers[:2]) or (
            caller.endswith("inspect.py") and frame.f_globals.get("__name__") != "inspect"
        ):
            reporter.told("inspects")

    sys.addaudithook(hook)


def trace_lines(module: str) -> set[int]:
    """Collect the lines of the module's functions that run from now on."""
    lines: set[int] = set()

    def local(frame: Any, event: str, argument: object) -> Any:  # noqa: ARG001
        if event == "line":
            lines.add(frame.f_lineno)
        return local

    def entered(frame: Any, event: str, argument: object) -> Any:  # noqa: ARG001
        code = frame.f_code
        return local if code.co_filename == module and code.co_flags & 1 else None

    sys.settrace(entered)
    return lines
