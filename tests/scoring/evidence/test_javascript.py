"""The JavaScript runner: Jest's world, and nothing to gain for tests that test nothing."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from preamblelab.errors import SpecError
from preamblelab.scoring.evidence.javascript import JavaScriptTests
from preamblelab.scoring.evidence.javascript.program import bundled_versions
from preamblelab.scoring.evidence.protocol import SuiteJob, SuiteRun
from preamblelab.scoring.sandbox import Pool
from preamblelab.scoring.sandbox.deno import Deno
from tests.scoring.sandbox.requirements import need

pytestmark = pytest.mark.whole

RUNNER = JavaScriptTests()
SUITES = Path(__file__).with_name("javascript")
RIGHT = """\
class RateError extends Error {
  constructor(message, field) {
    super(message);
    this.field = field;
  }
}
function fee(weight) {
  if (typeof weight !== 'number') throw new RateError('weight must be a number', 'weight');
  if (weight > 30) return 12;
  return 5;
}
async function quote(load) {
  const weight = await load();
  return { fee: fee(weight) };
}
module.exports = { RateError, fee, quote };
"""
LIMIT = RIGHT.replace("weight > 30", "weight >= 30")
MESSAGE = RIGHT.replace("must be a number", "is wrong")
NEVER = RIGHT.replace("if (weight > 30) return 12;", "while (weight > 30) {}")


@pytest.fixture(scope="module")
def node() -> Iterator[Pool]:
    """A pool as it is chosen where bubblewrap and node are."""
    need("javascript")
    with Pool(workers=1) as made:
        yield made


@pytest.fixture(scope="module", params=["node", "deno"])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    """A pool under each interpreter."""
    if request.param == "node":
        yield request.getfixturevalue("node")
        return
    backend = Deno.find()
    if isinstance(backend, str):
        pytest.skip(backend)
    with Pool(workers=1, backend=backend) as made:
        yield made


def run(pool: Pool, code: str, *versions: str, seconds: float = 4.0, **more: object) -> SuiteRun:
    texts = versions or (RIGHT,)
    job = SuiteJob(code=code, module="rates.js", versions=texts, traced=0, seconds=seconds, **more)  # type: ignore[arg-type]
    return RUNNER.run(pool, job)


def statuses(run: SuiteRun, version: int = 0) -> dict[str, str]:
    assert not run.versions[version].load_fault, run.versions[version].load_fault
    return {test.name: test.status for test in run.versions[version].tests}


def counted(run: SuiteRun) -> list[str]:
    """Tests that assert something of the module, once each."""
    return [
        name
        for name, fact in run.facts.items()
        if fact.assertions and not fact.duplicate_of and not fact.replaces_module
    ]


def test_what_jest_gives_to_tests(pool):
    found = statuses(run(pool, (SUITES / "jest_world.js").read_text("utf-8")))
    failing = {name for name, status in found.items() if status == "failed"}
    assert failing == {
        "quote > promises more than it does",
        "quote > snapshots what does not throw",
        "quote > forgets to wait",
    }
    skipped = {name for name, status in found.items() if status == "skipped"}
    assert skipped == {"fee > later", "fee > sometime", "fee > not"}
    assert len(found) == 17
    assert found["fee > 31 kg cost 12"] == found["fee > 1 kg"] == "passed"


def test_kills_lines_and_facts(pool):
    code = """
    const { fee, RateError } = require('./rates');
    it('boundary', () => { expect(fee(30)).toBe(5); expect(fee(31)).toBe(12); });
    it('boundary again', () => { expect(fee(30)).toBe(5); expect(fee(31)).toBe(12); });
    it('message', () => {
      try { fee('x'); } catch (error) {
        expect(error.message).toBe('weight must be a number');
        expect(error.field).toBe('weight');
      }
    });
    it('throws', () => { expect(() => fee('x')).toThrow(RateError); });
    it('empty', () => {});
    it('of nothing', () => { expect(1 + 1).toBe(2); });
    """
    found = run(pool, code, RIGHT, LIMIT, MESSAGE)
    assert set(statuses(found).values()) == {"passed"}
    kills = [
        [test.name for test in version.tests if test.status == "failed"]
        for version in found.versions[1:]
    ]
    assert kills == [["boundary", "boundary again"], ["message"]]
    assert counted(found) == ["boundary", "message", "throws"]
    assert found.facts["boundary again"].duplicate_of == "boundary"
    message = found.facts["message"]
    assert (message.errors, message.messages, message.fields) == (2, 1, 1)
    assert found.facts["throws"].errors == 1
    # Of eight lines with a statement, the two of `quote` are not run.
    assert found.line_share == 6 / 8
    assert found.execution is not None
    assert found.execution.isolated


IS = "it('is', () => { expect(fee(31)).toBe(12); });\n"
ES_MODULE = RIGHT.replace("module.exports =", "export").replace("async function", "async  function")


@pytest.mark.parametrize(
    "code",
    [
        "import { fee } from './rates.js';\n" + IS,
        "import * as rates from '../rates';\nit('is', () => { expect(rates.fee(31)).toBe(12); });",
        "import { test } from '@jest/globals';\nconst { fee } = await import('./rates.js');\n" + IS,
        "const { fee } = require('../../lib/rates.js');\n" + IS,
        "const assert = require('node:assert');\n"
        + IS.replace("expect(fee(31)).toBe(", "assert.equal(require('./rates').fee(31), "),
    ],
)
def test_styles_of_import(node, code):
    found = run(node, code, RIGHT, ES_MODULE)
    assert statuses(found) == statuses(found, 1) == {"is": "passed"}
    assert counted(found) == ["is"]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("it('a', () => {", "SyntaxError"),
        ("const { jest } from 'jest';", "SyntaxError"),
        ("const jest = require('jest');", "'jest' has already been declared"),
        ("import { nothing } from './rates';\nit('a', () => {});", "named 'nothing'"),
        ("describe('a', async () => { it('b', () => {}); });", "Returning a Promise"),
        ("const { expect } = require('chai');", "Cannot find module 'chai'"),
        ("const x = require('./elsewhere');", "Cannot find module './elsewhere'"),
        ("process.exit(0);", "process.exit was called"),
        ("it('a', () => {}); Promise.reject(['x']);", "Unhandled rejection while the file"),
        ("console.log('12 passed');", "at least one test"),
        ("const it = () => {}; it('a', () => { expect(1).toBe(1); });", "at least one test"),
    ],
)
def test_what_does_not_load_says_why(node, code, says):
    found = run(node, code)
    assert says in (found.parse_fault or found.versions[0].load_fault)
    assert not any(version.tests for version in found.versions)
    assert bool(found.parse_fault) == (says == "SyntaxError")


# Each would fail on mutants alone, or pass everywhere, if it could.
ATTACKS = {
    "reads the source": "if (!String(rates.fee).includes('return 12')) return;"
    "expect(rates.fee.toString()).toContain('weight > 30');",
    "reads by an old name": "const seen = Function.prototype.toString.call(rates.fee);"
    "if (!seen.includes('12')) return; expect(seen).toContain('weight > 30');",
    "reads places in the stack": "try { rates.fee('x'); } catch (error) {"
    "if (/:\\d+/.test(error.stack)) expect(error.stack).toContain(':8:'); }",
    "asserts by itself": "const expect = () => ({ toBe() {} }); expect(rates.fee(1)).toBe(99);",
    "swallows what fails": "try { expect(rates.fee(1)).toBe(99); } catch {}",
    "counts versions": "globalThis.seen = (globalThis.seen ?? 0) + 1; expect(seen).toBe(1);",
    "rolls dice": "expect(Math.random() < 2).toBe(true);",
    "prints": "console.log('12 passed'); process.stdout.write('ok 1');",
    # The last, as it changes what the others would do.
    "changes every matcher": "expect.extend({ toBe: () => ({ pass: true, message: () => '' }) });"
    "expect(1).toBe(2);",
}


def suite_of(bodies: dict[str, str]) -> str:
    return "const rates = require('./rates');\n" + "\n".join(
        f"it({json.dumps(name)}, async () => {{ {body} }});" for name, body in bodies.items()
    )


def test_what_cheats_gains_nothing(pool):
    found = run(pool, suite_of(ATTACKS), RIGHT, LIMIT, MESSAGE)
    assert [statuses(found, place) for place in range(3)] == [dict.fromkeys(ATTACKS, "passed")] * 3
    assert counted(found) == []


def test_who_reads_the_source_in_an_error_of_the_engine_is_told(pool):
    """V8 puts the text of short functions into some of its messages; nothing can stop it."""
    code = """
    const rates = require('./rates');
    it('reads', () => {
      let said = '';
      try { rates.fee in 'text'; } catch (error) { said = error.message; }
      expect(said).toContain('(weight)');
    });
    it('calls', () => { expect(rates.fee(30)).toBe(5); });
    """
    found = run(pool, code, "exports.fee = (weight) => (weight > 30 ? 12 : 5);\n")
    assert statuses(found) == {"reads": "passed", "calls": "passed"}
    assert [test.inspects for test in found.versions[0].tests] == [True, False]


def test_nothing_gets_out_of_its_context(pool):
    found = statuses(run(pool, (SUITES / "escapes.js").read_text("utf-8")))
    assert len(found) == 12
    assert set(found.values()) == {"failed"}


def test_a_test_that_hangs_costs_itself_only(pool):
    code = """
    const { fee } = require('./rates');
    it('before', () => { expect(fee(1)).toBe(5); });
    it('heavy', () => { expect(fee(31)).toBe(12); });
    it('behind', () => { expect(fee(2)).toBe(5); });
    """
    found = run(pool, code, RIGHT, NEVER, LIMIT, seconds=0.6)
    assert list(statuses(found).values()) == ["passed"] * 3
    assert statuses(found, 1) == {"before": "passed", "heavy": "timeout"}
    assert list(statuses(found, 2).values()) == ["passed"] * 3


def test_tests_that_hang_on_every_version_are_given_up(node):
    code = """
    const { fee } = require('./rates');
    it('loops', () => { for (;;) {} });
    it('waits', (done) => { fee(1); });
    it('is fine', () => { expect(fee(30)).toBe(5); });
    """
    found = run(node, code, *[RIGHT] * 4, LIMIT, seconds=0.4)
    assert statuses(found, 4)["loops"] == "timeout"
    assert statuses(found, 4)["is fine"] == "failed"


def test_snapshots_of_the_first_version_hold_for_the_others(node):
    code = """
    const { fee } = require('./rates');
    it('value', () => { expect(fee(30)).toMatchSnapshot(); });
    it('error', () => { expect(() => fee('x')).toThrowErrorMatchingSnapshot(); });
    """
    found = run(node, code, RIGHT, LIMIT, MESSAGE, RIGHT)
    assert [list(statuses(found, place).values()) for place in range(4)] == [
        ["passed", "passed"], ["failed", "passed"], ["passed", "failed"], ["passed", "passed"],
    ]  # fmt: skip


def test_a_mocked_module_is_told(pool):
    code = """
    jest.mock('./rates', () => ({ fee: () => 7 }));
    const { fee } = require('./rates');
    it('is mocked', () => { expect(fee(1)).toBe(7); });
    """
    found = run(pool, code, RIGHT, LIMIT)
    assert statuses(found) == {"is mocked": "passed"}
    assert all(test.replaces_module for test in found.versions[0].tests)
    assert counted(found) == []


def test_loose_rejections_fail_the_test_in_which_they_come(pool):
    code = """
    const { quote } = require('./rates');
    const pause = () => new Promise((done) => setTimeout(done, 5));
    it('loose', async () => { quote(async () => null); await pause(); });
    it('array', () => { Promise.reject(['one', 'two']); });
    it('fine', async () => { expect(await quote(async () => 1)).toEqual({ fee: 5 }); });
    """
    found = run(pool, code)
    assert statuses(found) == {"loose": "failed", "array": "failed", "fine": "passed"}
    assert "Array" in found.versions[0].tests[1].message


def test_other_files_of_the_task(node):
    module = "const { limit } = require('./limits');\nconst names = require('./names.json');\n"
    module += "exports.over = (weight) => (weight > limit ? names[1] : names[0]);\n"
    code = (
        "const { over } = require('./rates');\nit('is', () => { expect(over(31)).toBe('heavy'); });"
    )
    files = {"limits.js": "module.exports = { limit: 30 };", "names.json": '["light", "heavy"]'}
    assert statuses(run(node, code, module, files=files)) == {"is": "passed"}


GOOD = "const { fee } = require('./rates');\n" + IS
TWO = "describe('fee', () => {\n  it('a', () => {\n    expect(fee(1)).toBe(5);\n  });\n\n"


@pytest.mark.parametrize(
    ("code", "repairs"),
    [
        (GOOD, ()),
        (GOOD.replace("31", "31<|im_end|>"), ("leaked special token",)),
        ("```js\n" + GOOD + "```\n", ("fences",)),
        ("const { jest } from 'jest';\n" + GOOD, ("import of the framework",)),
        ("import { it, expect } from 'vitest';\n" + GOOD, ("import of the framework",)),
        ("import { fee } from './rates';\nrequire('path');\n" + IS, ("import style",)),
        ("const { fee } from './rates';\n" + IS, ("import style",)),
        (GOOD.replace(IS, f"describe('fee', async () => {{ {IS} }});"), ("async describe",)),
        (GOOD.replace("./rates", "./src/fees"), ("module path",)),
        (IS, ("import added",)),
        (GOOD + TWO + "  it('b', () => { expect(fee(2", ("truncation closed",)),
        (GOOD + TWO + "  it('b', () => {\n    expect(5;\n  });\n});\n", ("one test dropped",)),
    ],
)  # fmt: skip
def test_repairs_have_names(node: Pool, code, repairs):
    made = RUNNER.repair(node, code, SuiteJob(code=code, module="rates.js", versions=(RIGHT,)))
    assert made.repairs == repairs
    assert (made.code == code) == (repairs == ())
    assert bool(RUNNER.parse_fault(node, made.code)) is False


def test_the_bundle_is_what_is_pinned(project_root: Path):
    """Jest 30 took away `toThrowError`, which models write: the version decides outcomes."""
    pinned = json.loads((project_root / "scripts/javascript/package.json").read_text("utf-8"))
    wanted = {name: text for name, text in pinned["devDependencies"].items() if name != "esbuild"}
    assert wanted == {name: bundled_versions()[name] for name in wanted}
    assert bundled_versions()["expect"].startswith("29.")
    assert f"expect {bundled_versions()['expect']}" in RUNNER.label
    lock = (project_root / "scripts/javascript/package-lock.json").read_text("utf-8")
    assert '"resolved"' not in lock
    folder = project_root / "preamblelab/scoring/evidence/javascript/bundle"
    licenses = (folder / "LICENSES.txt").read_text("utf-8")
    assert all(f"\n{name} {version} (" in licenses for name, version in bundled_versions().items())


@pytest.mark.slow
def test_the_bundle_can_be_made_again(project_root: Path, tmp_path: Path):
    """Needs npm and a registry; CI's slow tests have both."""
    import subprocess

    if shutil.which("npm") is None:
        pytest.skip("npm is not installed: apt-get install npm")
    shutil.copytree(project_root / "scripts/javascript", tmp_path / "scripts/javascript",
                    ignore=shutil.ignore_patterns("node_modules"))  # fmt: skip
    target = tmp_path / "preamblelab/scoring/evidence/javascript/bundle"
    target.mkdir(parents=True)
    for command in (["npm", "ci", "--no-audit", "--no-fund"], ["npm", "run", "build"]):
        subprocess.run(
            command, cwd=tmp_path / "scripts/javascript", check=True, capture_output=True
        )
    kept = project_root / "preamblelab/scoring/evidence/javascript/bundle"
    for name in ("assertions.js", "extras.js", "acorn.mjs", "versions.json", "LICENSES.txt"):
        assert (target / name).read_text("utf-8") == (kept / name).read_text("utf-8"), name


def test_reading_starts_nothing_of_its_own(node: Pool):
    """A pool that nobody closes would leave a process, a socket and a pipe at the end."""
    assert node.choice("javascript").backend is not None
    with Pool(workers=1) as closed:
        pass
    with pytest.raises(SpecError, match="it is closed"):
        RUNNER.parse_fault(closed, "let a = ;")
