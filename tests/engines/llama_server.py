"""Runs a real llama.cpp server on 127.0.0.1 in a process of its own.

with serving(write_gguf(tmp_path / "tiny.gguf")) as server:
    ...  # server.base is its address, server.api_base the same with /v1

A crash of the engine, or a test that hangs it, takes only that process along.
"""

import contextlib
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

START_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaServer:
    """A running server."""

    base: str
    """Its address, without a path."""
    alias: str
    """The name under which it serves its model."""
    process: "subprocess.Popen[str]"

    @property
    def api_base(self) -> str:
        """The address as an experiment writes it."""
        return f"{self.base}/v1"

    def ask(self, path: str) -> Any:
        """The JSON at a path, asked without any of our own code."""
        with urllib.request.urlopen(self.base + path, timeout=10) as answer:
            return json.load(answer)

    def busy_slots(self) -> int:
        """How many answers are being written at this moment."""
        return sum(bool(slot["is_processing"]) for slot in self.ask("/slots"))


@contextlib.contextmanager
def serving(
    model: Path, *, context: int = 4096, parallel: int = 2, alias: str = "tiny"
) -> Iterator[LlamaServer]:
    """A server for a GGUF file, ready to answer; it ends with the block.

    Args:
        model: The GGUF file.
        context: Tokens of context, shared by the slots.
        parallel: How many answers can be written at one time.
        alias: The name under which the model is served.
    """
    pytest.importorskip("xllamacpp", reason="xllamacpp brings the llama.cpp server")
    arguments = [str(model), str(context), str(parallel), alias]
    process = subprocess.Popen(
        [sys.executable, __file__, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield LlamaServer(base=_address(process), alias=alias, process=process)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _address(process: "subprocess.Popen[str]") -> str:
    """The address that the process prints once it listens."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"the llama.cpp server ended with status {process.wait(START_SECONDS)}")
    address = json.loads(line)["address"]
    assert isinstance(address, str)
    return address.rstrip("/")


def _serve(path: str, context: str, parallel: str, alias: str) -> None:
    """Serve until the parent closes our standard input, or ends us."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = path
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_ctx, parameters.n_parallel, parameters.n_predict = int(context), int(parallel), -1
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.endpoint_metrics = parameters.endpoint_slots = True
    parameters.warmup = parameters.ui = False
    parameters.use_jinja = parameters.offline = True
    parameters.model_alias = {alias}
    server = xllamacpp.Server(parameters)
    print(json.dumps({"address": server.listening_address}), flush=True)
    # A parent that is killed closes the pipe, so that no server outlives its test.
    sys.stdin.read()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
