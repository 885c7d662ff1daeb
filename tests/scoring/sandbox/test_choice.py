"""A backend is believed only after it held; without one, nothing runs."""

import shutil
from pathlib import Path

import pytest

from preamblelab.scoring.sandbox import Call, Language, Limits, Pool, Program, choose
from preamblelab.scoring.sandbox import choice as choosing
from preamblelab.scoring.sandbox.choice import Choice, runtime_label, self_test
from preamblelab.scoring.sandbox.deno import Deno
from preamblelab.scoring.sandbox.seatbelt import Seatbelt, profile
from preamblelab.scoring.sandbox.unsafe import Unsafe

pytestmark = pytest.mark.whole


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = shutil.which

    def which(name: str, *rest: object, **more: object) -> str | None:
        return None if name in ("bwrap", "deno") else real(name)

    monkeypatch.setattr(shutil, "which", which)
    monkeypatch.setattr(choosing, "_isolated", choosing._isolated.__wrapped__)


def test_bubblewrap_holds_here(language: Language) -> None:
    found = choose(language)
    assert found.backend is not None
    assert found.backend.name == "bubblewrap"


def test_self_test_sees_that_nothing_isolates(language: Language) -> None:
    """The probe must find the canaries where they can be found, or it proves nothing."""
    result = self_test(Unsafe(), language)
    assert not result.holds
    assert {
        "it reached a port of the host",
        "it wrote a file of the host",
        "it read a file of the host",
        "it saw a process of the host",
    } <= set(result.findings)


def test_a_probe_that_does_not_run_proves_nothing(
    language: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "PROBES", {language: "__init__.py"})
    result = self_test(Unsafe(), language)
    assert any(finding.startswith("the probe did not run") for finding in result.findings)


@pytest.mark.usefixtures("nothing_installed")
def test_without_a_sandbox_programs_are_refused_with_the_mend() -> None:
    with Pool(workers=1) as pool:
        done = pool.run(Program(language="python", files={"a.py": "print(1)"}, entry="a.py"))
        assert (done.status, done.stdout, done.backend) == ("refused", b"", "none")
        assert "apt-get install bubblewrap" in done.reason
        assert "\n" not in done.reason
        script = Program(language="javascript", files={"a.js": ""}, entry="a.js")
        assert "pip install deno" in pool.run(script).reason
        (answer,) = pool.ask(script, [Call(function="f")]).answers
        assert (answer.status, "pip install deno" in answer.reason) == ("missing", True)


@pytest.mark.usefixtures("nothing_installed")
def test_without_a_sandbox_only_an_explicit_word_runs_programs() -> None:
    with Pool(workers=1, allow_unsafe=True) as pool:
        done = pool.run(Program(language="python", files={"a.py": "print(1)"}, entry="a.py"))
    assert (done.status, done.stdout) == ("ok", b"1\n")
    assert (done.backend, done.isolated) == ("unsafe", False)


def test_allow_unsafe_is_not_used_where_a_sandbox_holds(language: Language) -> None:
    found = choose(language, allow_unsafe=True)
    assert found.backend is not None
    assert found.backend.isolated


@pytest.fixture
def deno() -> Deno:
    found = Deno.find()
    if isinstance(found, str):
        pytest.skip(found)
    return found


def script(text: str) -> Program:
    return Program(language="javascript", files={"a.js": text}, entry="a.js")


def test_what_runs_javascript_is_named_by_what_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """With node on the PATH and no sandbox for it, deno runs: evidence must not name node."""
    assert runtime_label("javascript").startswith("node ")
    found = Deno("deno-that-is-not-there")
    found.version = "9.9.9"
    chosen = Choice(language="javascript", backend=found)
    monkeypatch.setattr(choosing, "_isolated", lambda language: chosen)
    assert runtime_label("javascript") == "deno 9.9.9"
    assert runtime_label("python").startswith("python ")


def test_deno_holds(deno: Deno) -> None:
    assert self_test(deno, "javascript").holds


@pytest.mark.parametrize(
    "text",
    [
        "console.log(Deno.readTextFileSync('/etc/hostname'))",
        "console.log(Deno.env.toObject())",
        "console.log(new Deno.Command('/bin/true').outputSync())",
        "Deno.kill(Deno.ppid)",
        "Deno.writeTextFileSync('own', 'x')",
        "const { readFileSync } = await import('node:fs'); readFileSync('/etc/hostname')",
        "const { spawn } = await import('node:child_process'); spawn('/bin/true')",
        "await fetch('http://127.0.0.1:1')",
        "await import('https://example.org/x.js')",
    ],
)
def test_deno_refuses(deno: Deno, text: str) -> None:
    with Pool(workers=1, backend=deno) as pool:
        done = pool.run(script(text))
    assert (done.status, done.exit_code, done.stdout) == ("ok", 1, b"")
    assert done.backend == "deno"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("for (;;);", "timeout"),
        ("for (;;) console.log('x'.repeat(999));", "output"),
        ("const kept = []; for (;;) kept.push(new Array(1e5).fill({}));", "memory"),
        ("const kept = []; for (;;) kept.push(new Uint8Array(1e7).fill(1));", "memory"),
    ],
)
def test_deno_is_bounded(deno: Deno, text: str, status: str) -> None:
    with Pool(workers=1, backend=deno) as pool:
        done = pool.run(
            script(text), Limits(seconds=60 if status == "memory" else 1, memory_bytes=128 * 2**20)
        )
    assert done.status == status, done.stderr[-500:]


def test_deno_answers_calls_though_the_program_prints(deno: Deno) -> None:
    text = "console.log('loaded'); export const add = (a, b) => { console.log('x'); return a + b; }"
    calls = [Call(function="add", arguments=[number, 1]) for number in range(5)]
    with Pool(workers=1, backend=deno) as pool:
        exchange = pool.ask(script(text), calls)
    assert [answer.value for answer in exchange.answers] == [1, 2, 3, 4, 5]
    with Pool(workers=1, backend=deno) as pool:
        assert pool.ask(script("Deno.exit(0)"), calls).answers[0].status == "missing"
        program = Program(language="python", files={"a.py": ""}, entry="a.py")
        assert pool.run(program).reason == "deno runs JavaScript only"


def test_profile_for_macos_names_what_may_be_reached() -> None:
    """Only its text can be tested here: sandbox-exec exists on macOS."""
    text = profile([Path('/opt/a"b')], Path("/tmp/x"))
    assert "(deny default)" in text
    assert "(deny network*)" in text
    assert '(subpath "/opt/a\\"b")' in text
    assert text.count("(") == text.count(")")
    if shutil.which("sandbox-exec") is None:
        assert isinstance(Seatbelt.find(), str)
