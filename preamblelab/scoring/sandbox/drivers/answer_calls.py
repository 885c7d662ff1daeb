"""Runs in the sandbox: loads a file and answers calls of its functions, one line each.

Usage: answer_calls.py FILE. The descriptors to hear and to speak on are in SANDBOX_CHANNEL.
"""

# pathlib, like asyncio, would cost each start more than all the rest.
# ruff: noqa: PTH100, PTH119, PTH120, PTH122, PTH123

import json
import math
import os
import sys
import time
from types import ModuleType
from typing import Any

MARK = "$kind"


def encode(value: Any, depth: int = 0) -> Any:
    """Return plain data, with a mark for what JSON has no word for."""
    if depth > 200:
        return {MARK: "too deep"}
    if value is None or value is True or value is False or type(value) is str:
        return value
    if type(value) is int:
        return value if abs(value) < 2**53 else {MARK: "integer", "text": str(value)}
    if type(value) is float:
        return value if math.isfinite(value) else {MARK: "number", "text": str(value)}
    if type(value) in (list, tuple):
        return [encode(item, depth + 1) for item in value]
    if type(value) in (set, frozenset):
        return {MARK: "set", "items": [encode(item, depth + 1) for item in value]}
    if type(value) in (bytes, bytearray):
        return {MARK: "bytes", "text": value.hex()}
    if type(value) is dict:
        if all(type(name) is str for name in value) and MARK not in value:
            return {name: encode(item, depth + 1) for name, item in value.items()}
        return {MARK: "dict with keys that are no text"}
    if isinstance(value, (bool, int, float, str, list, tuple, dict, set)):
        return encode(plain(value), depth)
    return {MARK: type(value).__name__}


def plain(value: Any) -> Any:
    """Return a subclass's value as its base: an own __eq__ does not travel."""
    bases: tuple[type[Any], ...] = (int, float, str, list, tuple, dict, set)
    return next(base for base in bases if isinstance(value, base))(value)


def raised(error: BaseException) -> dict[str, Any]:
    """Return what is told about an exception."""
    fields = {}
    for name, value in vars(error).items():
        if not name.startswith("_"):
            fields[name] = encode(value)
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - the text of an exception is its author's code
        message = ""
    return {"error": type(error).__name__, "message": message[:10000], "fields": fields}


def load(path: str) -> ModuleType:
    """Run the file as a module, with its folder importable."""
    path = os.path.abspath(path)
    sys.path[0] = os.path.dirname(path)
    name = os.path.splitext(os.path.basename(path))[0]
    module = ModuleType(name)
    module.__file__ = path
    sys.modules[name] = module
    with open(path, "rb") as file:
        exec(compile(file.read(), path, "exec"), vars(module))  # noqa: S102 - what this is for
    return module


def call(module: ModuleType, asked: dict[str, Any]) -> Any:
    """Call the function and wait for it where it is asynchronous."""
    function: Any = module
    for part in asked["function"].split("."):
        function = getattr(function, part)
    value = function(*asked["arguments"], **asked["keywords"])
    if hasattr(value, "__await__"):
        import asyncio

        async def wait() -> Any:
            return await value

        value = asyncio.run(wait())
    return value


def main() -> None:
    """Say that the file is loaded, then answer until no more calls come."""
    reading, writing = map(int, os.environ.pop("SANDBOX_CHANNEL", "3,4").split(","))
    lines = os.fdopen(reading, "rb")
    nonce = json.loads(lines.readline())["nonce"].encode()
    dumps, write, clock = json.dumps, os.write, time.perf_counter

    def say(identity: int, said: dict[str, Any], began: float) -> None:
        said = {"id": identity, **said, "seconds": clock() - began}
        text = b"\n" + nonce + dumps(said).encode() + b"\n"
        while text:
            text = text[write(writing, text) :]

    began = clock()
    try:
        module = load(sys.argv[1])
    except BaseException as error:  # noqa: BLE001 - leaving is no way not to answer
        say(-1, raised(error), began)
        return
    say(-1, {}, began)
    for line in lines:
        asked = json.loads(line)
        began = clock()
        try:
            said = {"value": encode(call(module, asked))}
        except BaseException as error:  # noqa: BLE001 - leaving is no way not to answer
            said = raised(error)
        say(asked["id"], said, began)


if __name__ == "__main__":
    main()
