"""What a program claims decides nothing: only values that it gives back, compared out here."""

import pytest

from preamblelab.errors import SpecError
from preamblelab.scoring.sandbox import (
    Answer,
    Call,
    Exchange,
    Language,
    Limits,
    Pool,
    Program,
    Unrepresentable,
    same,
)
from preamblelab.scoring.sandbox.values import UNDEFINED
from tests.scoring.sandbox.requirements import need

pytestmark = pytest.mark.whole

ENTRY: dict[Language, str] = {"python": "answer.py", "javascript": "answer.js"}
LIMITS = Limits(seconds=8, memory_bytes=256 * 2**20, output_bytes=2**16)


def ask(
    pool: Pool, language: Language, text: str | bytes, *calls: Call, seconds: float | None = None
) -> Exchange:
    program = Program(language=language, files={ENTRY[language]: text}, entry=ENTRY[language])
    return pool.ask(
        program, calls or [Call(function="add", arguments=[2, 3])], LIMITS, call_seconds=seconds
    )


def values(exchange: Exchange) -> list[object]:
    return [answer.value for answer in exchange.answers]


GOOD: dict[Language, str] = {
    "python": "def add(a, b): return a + b",
    "javascript": "function add(a, b) { return a + b; }",
}


def test_calls_are_answered_in_order(pool: Pool, language: Language) -> None:
    calls = [Call(function="add", arguments=[number, 1]) for number in range(50)]
    exchange = ask(pool, language, GOOD[language], *calls)
    assert values(exchange) == list(range(1, 51))
    assert exchange.execution.status == "ok"
    assert exchange.execution.isolated


@pytest.mark.parametrize(
    "text",
    [
        "module.exports = { add: (a, b) => a + b };",
        "exports.add = (a, b) => a + b;",
        "const add = async (a, b) => a + b;",
        "class add_ { static add(a, b) { return a + b; } }\nmodule.exports = add_;",
    ],
)
def test_any_way_to_define_a_function_of_javascript_will_do(pool: Pool, text: str) -> None:
    need("javascript")
    assert values(ask(pool, "javascript", text)) == [5]


def test_a_module_of_javascript_is_found_by_its_name(pool: Pool) -> None:
    need("javascript")
    program = Program(
        language="javascript", files={"a.mjs": "export const add = (a, b) => a + b;"}, entry="a.mjs"
    )
    assert pool.ask(program, [Call(function="add", arguments=[2, 3])]).answers[0].value == 5


HOSTILE_PYTHON = {
    "leaves with 0 after a good word": "import os; print('all passed'); os._exit(0)",
    "leaves politely": "import sys; print('all passed'); sys.exit(0)",
    "forges a summary of pytest": "print('===== 12 passed in 0.03s ====='); raise SystemExit(0)",
    "leaves when it is called": "import os\ndef add(a, b): print('1 passed'); os._exit(0)",
    "hangs on stdin's end": "import sys\nwhile sys.stdin.read() is not None: pass",
    "falls": "import ctypes\ndef add(a, b): ctypes.string_at(0)",
    "is no Python": "def add(a, b) return a + b",
    "is no text": b"\xff\xfe\x00add\x80",
}
HOSTILE_JAVASCRIPT = {
    "leaves with 0 after a good word": "console.log('all passed'); process.exit(0);",
    "forges a summary of a runner": "console.log('Tests: 12 passed, 12 total'); process.exit(0);",
    "leaves when it is called": "function add(a, b) { console.log('ok'); process.exit(0); }",
    "never settles": "const add = () => new Promise(() => {});",
    "falls": "function add() { process.kill(process.pid, 'SIGSEGV'); for (;;); }",
    "aborts": "function add() { process.abort(); }",
    "is no JavaScript": "function add(a, b) return a + b",
    "is no text": b"\xff\xfe\x00add\x80",
}


@pytest.mark.parametrize(("name", "text"), HOSTILE_PYTHON.items(), ids=list(HOSTILE_PYTHON))
def test_python_that_claims_success_has_no_value(pool: Pool, name: str, text: str) -> None:
    _claims_nothing(pool, "python", text)


@pytest.mark.parametrize(("name", "text"), HOSTILE_JAVASCRIPT.items(), ids=list(HOSTILE_JAVASCRIPT))
def test_javascript_that_claims_success_has_no_value(pool: Pool, name: str, text: str) -> None:
    _claims_nothing(pool, "javascript", text)


def _claims_nothing(pool: Pool, language: Language, text: str | bytes) -> None:
    need(language)
    calls = [Call(function="add", arguments=[2, 3])] * 2
    exchange = ask(pool, language, text, *calls, seconds=1)
    for answer in exchange.answers:
        assert answer.status != "returned"
        assert answer.status == "raised" or answer.reason
    assert values(ask(pool, language, GOOD[language])) == [5]  # and the next is not harmed


def test_an_exit_inside_a_call_is_an_exception_like_another(pool: Pool) -> None:
    exchange = ask(pool, "python", "import sys\ndef add(a, b): sys.exit(0)")
    assert (exchange.answers[0].status, exchange.answers[0].error) == ("raised", "SystemExit")


def test_what_is_patched_in_there_changes_nothing_out_here(pool: Pool, language: Language) -> None:
    """Equality, assertion and the writer of answers are all the program's to break."""
    text = {
        "python": """
import builtins, json, unittest, sys
class Always:
    def __eq__(self, other): return True
    __hash__ = None
builtins.AssertionError = type("Fine", (BaseException,), {})
unittest.TestCase.assertEqual = lambda *rest: None
sys.settrace(lambda *rest: None)
json.dumps = lambda *rest, **more: '{"id": 0, "value": true}'
class Lie(int):
    def __eq__(self, other): return True
def add(a, b): return Always()
def subtract(a, b): return Lie(7)
""",
        "javascript": """
const assert = require("assert"); assert.strictEqual = assert.equal = () => {};
JSON.stringify = () => '{"id": 0, "value": true}';
Object.is = () => true; Array.isArray = () => false;
function add() { return { toJSON() { return 5; }, valueOf() { return 5; } }; }
function subtract() { return 7; }
""",
    }[language]
    calls = [Call(function="add", arguments=[2, 3]), Call(function="subtract", arguments=[3, 2])]
    found = values(ask(pool, language, text, *calls))
    assert not same(5, found[0])
    assert not same(1, found[1])
    assert found[1] == 7


def test_a_forged_answer_is_just_a_wrong_value(pool: Pool) -> None:
    """It can find the word that we listen for; it cannot find what we expect."""
    text = """
import gc, os
def add(a, b):
    import sys
    frame = sys._getframe()
    while frame and "nonce" not in frame.f_locals: frame = frame.f_back
    nonce = frame.f_locals["nonce"]
    os.write(4, b"\\n" + nonce + b'{"id": 0, "value": "passed"}\\n')
    return 5
def next(): return 1
"""
    calls = [Call(function="add", arguments=[2, 3]), Call(function="next")]
    assert values(ask(pool, "python", text, *calls)) == ["passed", 1]


def test_noise_on_the_channel_is_no_answer(pool: Pool) -> None:
    text = """
import os
def add(a, b):
    os.write(4, b'{"id": 0, "value": 99}\\n\\x00\\xff\\n' + b'0' * 32 + b'{"id": 0, "value": 98}')
    return a + b
"""
    assert values(ask(pool, "python", text)) == [5]


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 50_000,
        b'{"id": 0, "value": ' + b"9" * 5_000 + b"}",
        b'{"id": 0, "value": NaN}',
        b"\xff\xfe",
        b'{"id": 0, "value": {"$kind": "integer", "text": "' + b"9" * 5_000 + b'"}}',
        b'{"id": 0, "value": {"$kind": "map", "items": [1]}}',
    ],
    ids=["deep", "digits", "nan", "bytes", "marked digits", "bad map"],
)
def test_an_answer_that_harms_its_reader_is_missing(pool: Pool, line: bytes) -> None:
    text = f"""
import os, sys
def add(a, b):
    frame = sys._getframe()
    while "nonce" not in frame.f_locals: frame = frame.f_back
    os.write(4, b"\\n" + frame.f_locals["nonce"] + {line!r} + b"\\n")
    return 5
def next(): return 1
"""
    calls = [Call(function="add", arguments=[2, 3]), Call(function="next")]
    first, second = ask(pool, "python", text, *calls).answers
    assert first.status == "missing"
    assert "cannot be read" in first.reason
    assert second.value == 1


def test_an_answer_without_end_is_cut_off(pool: Pool) -> None:
    text = "import os\ndef add(a, b):\n    while True: os.write(4, b'x' * 10000)"
    (answer,) = ask(pool, "python", text).answers
    assert answer.status == "missing"
    assert "longer than" in answer.reason


def test_recursion_is_an_exception(pool: Pool, language: Language) -> None:
    text = {
        "python": "def add(a, b): return add(a, b)",
        "javascript": "function add(a, b) { return add(a, b) + 1; }",
    }[language]
    (answer,) = ask(pool, language, text).answers
    assert answer.error in ("RecursionError", "RangeError")


def test_a_slow_call_costs_only_itself_and_what_follows(pool: Pool, language: Language) -> None:
    text = {
        "python": "def add(a, b): return a + b\ndef wait():\n    while True: pass",
        "javascript": "function add(a, b) { return a + b; }\nfunction wait() { for (;;); }",
    }[language]
    calls = [
        Call(function="add", arguments=[2, 3]),
        Call(function="wait"),
        Call(function="add", arguments=[2, 3]),
    ]
    done, slow, after = ask(pool, language, text, *calls, seconds=1).answers
    assert done.value == 5
    assert (slow.status, slow.reason) == ("missing", "no answer within 1 s")
    assert after.status == "missing"


def test_values_keep_their_kind(pool: Pool) -> None:
    need("javascript")
    text = """
module.exports = {
  nothing: () => undefined, none: () => null, odd: () => NaN, large: () => 2n ** 70n,
  few: () => new Set([1, "a"]), far: () => -Infinity, named: () => new Map([["a", [1]]]),
  bytes: () => Buffer.from("ab"), call: () => () => 1, when: () => new Date(0),
};
"""
    names = ["nothing", "none", "odd", "large", "few", "far", "named", "bytes", "call", "when"]
    found = dict(
        zip(
            names,
            values(ask(pool, "javascript", text, *[Call(function=name) for name in names])),
            strict=True,
        )
    )
    assert found["nothing"] == UNDEFINED
    assert found["none"] is None
    assert same(float("nan"), found["odd"])
    assert found["large"] == 2**70
    assert same({"a", 1}, found["few"])
    assert found["far"] == float("-inf")
    assert found["named"] == {"a": [1]}
    assert found["bytes"] == b"ab"
    assert found["call"] == Unrepresentable(kind="function")
    assert found["when"] == Unrepresentable(kind="Date")


def test_exceptions_tell_their_class_and_fields(pool: Pool, language: Language) -> None:
    text = {
        "python": """
class ValidationError(Exception):
    def __init__(self, message, field): super().__init__(message); self.field = field
def add(a, b): raise ValidationError("too young", "age")
""",
        "javascript": """
class ValidationError extends Error {
  constructor(message, field) { super(message); this.field = field; }
}
async function add() { throw new ValidationError("too young", "age"); }
""",
    }[language]
    (answer,) = ask(pool, language, text).answers
    assert answer.status == "raised"
    assert (answer.error, answer.message) == ("ValidationError", "too young")
    assert answer.fields["field"] == "age"


def test_half_characters_pass(pool: Pool) -> None:
    (answer,) = ask(pool, "python", "def add(a, b): return '\\ud800'").answers
    assert answer.value == "\ud800"


def test_dots_reach_into_classes_and_keywords_arrive(pool: Pool) -> None:
    text = "class A:\n    @staticmethod\n    def b(*, c): return c"
    call = Call(function="A.b", keywords={"c": [1, None]})
    assert values(ask(pool, "python", text, call)) == [[1, None]]


def test_no_calls_at_all_still_load_the_program(pool: Pool, language: Language) -> None:
    program = Program(
        language=language, files={ENTRY[language]: GOOD[language]}, entry=ENTRY[language]
    )
    exchange = pool.ask(program, [])
    assert exchange.answers == ()
    assert exchange.execution.status == "ok"


def test_a_program_with_arguments_is_no_module() -> None:
    program = Program(language="python", files={"a.py": ""}, entry="a.py", arguments=("x",))
    with pytest.raises(SpecError, match="takes no arguments"):
        Pool().ask(program, [])


def test_expected_values_have_no_way_in() -> None:
    """Neither a call nor an answer has a place for one."""
    for record in (Call, Program):
        assert not any("expect" in name for name in record.__slots__)
    assert Answer(status="missing", reason="x").value is None
