"""What the built-in checks see in a text: known answers, attacks, and what they must not see."""

import re
import time
import warnings
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preamblelab.domain.records import Response
from preamblelab.domain.tasks import Expectation, Task
from preamblelab.errors import SpecError
from preamblelab.scoring.checks import CHECKS
from preamblelab.scoring.checks_cases import cases, distinct
from preamblelab.scoring.checks_javascript import scan
from preamblelab.scoring.checks_python import parse, undefined_names
from preamblelab.scoring.checks_reading import read_text

PYTHON = Task(
    name="py",
    prompt="Write pytest tests for halve.",
    expect=Expectation(
        language="python",
        symbols=("halve", "OddError"),
        tests=4,
        edge_cases={"odd": r"\bodd\b", "zero": r"\bzero\b|halve\(0\)", "negative": r"negative"},
    ),
)
JAVASCRIPT = Task(
    name="js",
    prompt="Write Jest tests for save.",
    expect=Expectation(language="javascript", symbols=("save",), async_symbols=("save",), tests=2),
)
FUNCTION = Task(
    name="fn",
    prompt="Write halve(number) in Python.",
    expect=Expectation(language="python", symbols=("halve",), edge_cases={"odd": r"% 2"}),
)
TEXT = Task(
    name="tx",
    prompt="Explain why the sky is blue, in three points.",
    expect=Expectation(symbols=("scatter",), tests=3, edge_cases={"sunset": r"\bsunset\b"}),
)

GOOD_PYTHON = """\
My strategy is to test each rule at its limit, because mistakes hide there.

Edge cases: odd numbers, zero, and negative numbers, which halve must refuse or halve like others.
I test each by itself so that a failure names its cause.

```python
import pytest

from numbers_module import OddError, halve


@pytest.fixture
def even_number():
    return 8


def test_halves_an_even_number(even_number):
    assert halve(even_number) == 4


def test_halves_zero_to_zero():
    assert halve(0) == 0


def test_halves_a_negative_number():
    assert halve(-6) == -3


def test_refuses_an_odd_number():
    with pytest.raises(OddError, match="7 is odd"):
        halve(7)
```
"""

GOOD_JAVASCRIPT = """\
The call is async: save returns a promise, so every test must await it.

```javascript
const { save } = require('./save');

describe('save', () => {
  describe('good input', () => {
    it('resolves with the new id', async () => {
      await expect(save({ name: 'a' })).resolves.toBe(1);
    });
  });
  describe('bad input', () => {
    it('rejects a missing name', async () => {
      await expect(save({})).rejects.toThrow('name is missing');
    });
  });
});
```
"""


def share(check: str, task: Task, text: str) -> float:
    return CHECKS[check](task, Response(text=text)).share


def fenced(code: str, language: str = "python") -> str:
    return f"```{language}\n{code}\n```\n"


@pytest.mark.parametrize("check", sorted(CHECKS))
def test_an_empty_answer_earns_nothing(check: str) -> None:
    for task in (PYTHON, JAVASCRIPT, FUNCTION, TEXT):
        for empty in ("", "  \n\t "):
            assert share(check, task, empty) == 0.0


@pytest.mark.parametrize("check", sorted(set(CHECKS) - {"error_cases_tested", "async_handled"}))
def test_a_good_python_answer_earns_everything(check: str) -> None:
    result = CHECKS[check](PYTHON, Response(text=GOOD_PYTHON))
    assert result.share == 1.0, result.evidence


def test_one_error_case_of_three_wanted_earns_a_third() -> None:
    assert share("error_cases_tested", PYTHON, GOOD_PYTHON) == pytest.approx(1 / 3)


@pytest.mark.parametrize("check", ["async_recognised", "async_handled", "code_parses", "structure"])
def test_a_good_javascript_answer_earns_everything(check: str) -> None:
    result = CHECKS[check](JAVASCRIPT, Response(text=GOOD_JAVASCRIPT))
    assert result.share == 1.0, result.evidence


@pytest.mark.parametrize("check", sorted(set(CHECKS)))
def test_a_refusal_or_a_greeting_earns_next_to_nothing(check: str) -> None:
    for text in ("I'm sorry, but I can't help with that.", "Thought process:", ":", "Sure!"):
        for task in (PYTHON, JAVASCRIPT, FUNCTION):
            assert share(check, task, text) <= 0.3


class TestDistinctTests:
    def test_copies_under_other_names_count_once(self) -> None:
        code = "\n".join(f"def test_number_{n}():\n    assert halve(4) == 2\n" for n in range(9))
        assert share("distinct_tests", PYTHON, fenced(code)) == 0.25
        assert share("no_duplication", PYTHON, fenced(code)) == 0.0

    def test_empty_tests_and_constants_do_not_count(self) -> None:
        code = (
            "def test_a():\n    pass\n\ndef test_b():\n    assert True\n\n"
            "def test_c():\n    halve(2)\n"
        )
        assert share("distinct_tests", PYTHON, fenced(code)) == 0.0
        assert share("assertions_present", PYTHON, fenced(code)) == 0.0

    def test_a_table_counts_its_rows(self) -> None:
        code = (
            "import pytest\n\n@pytest.mark.parametrize('n, half', [(2, 1), (4, 2), (6, 3)])\n"
            "def test_halves(n, half):\n    assert halve(n) == half\n"
        )
        assert share("distinct_tests", PYTHON, fenced(code)) == 0.75

    def test_a_javascript_table_counts_its_rows(self) -> None:
        code = (
            "it.each([[1, 'a'], [2, 'b'], ['c, d', 3],])('saves %s', async (id) => {\n"
            "  expect(await save(id)).toBe(id);\n});"
        )
        reading = read_text(fenced(code, "js"), "javascript")
        assert [test.count for test in cases(reading, "javascript")] == [3]

    def test_tests_are_found_in_code_that_does_not_parse(self) -> None:
        code = "def test_a():\n    assert halve(4) == 2\n\ndef test_b(:\n    assert halve(2) == 1\n"
        assert isinstance(parse(code), str)
        found = distinct(cases(read_text(fenced(code), "python"), "python"))
        assert [test.name for test in found] == ["test_a", "test_b"]

    def test_skipped_and_todo_tests_do_not_count(self) -> None:
        code = "it.skip('a', () => { expect(1).toBe(x); });\nit.todo('b');\nxit('c', () => {});"
        assert share("distinct_tests", JAVASCRIPT, fenced(code, "js")) == 0.0

    def test_comments_do_not_make_a_copy_a_new_test(self) -> None:
        one = "it('a', () => {\n  expect(save(1)).toBe(1);\n});\n"
        two = "it('b', () => {\n  // another one\n  expect(save(1)).toBe(1);\n});\n"
        found = cases(read_text(fenced(one + two, "js"), "javascript"), "javascript")
        assert len(found) == 2
        assert len(distinct(found)) == 1


class TestAsync:
    @pytest.mark.parametrize(
        "statement",
        [
            "await save(1);",
            "return save(1).then((id) => expect(id).toBe(1));",
            "await expect(save(1)).resolves.toBe(1);",
            "const promise = save(1);\n  await promise;",
            "expect(await save(1)).toBe(1);",
        ],
    )
    def test_awaited(self, statement: str) -> None:
        code = f"it('saves a thing', async () => {{\n  {statement}\n}});"
        assert share("async_handled", JAVASCRIPT, fenced(code, "js")) == 1.0

    @pytest.mark.parametrize(
        "statement",
        [
            "save(1);",
            "expect(save(1)).resolves.toBe(1);",
            "const id = save(1);\n  expect(id).toBe(1);",
            "expect(other).toBe(1); // await save(1)",
        ],
    )
    def test_not_awaited(self, statement: str) -> None:
        code = f"it('saves a thing', async () => {{\n  {statement}\n}});"
        assert share("async_handled", JAVASCRIPT, fenced(code, "js")) == 0.0

    def test_an_await_in_a_test_that_is_not_async_does_not_parse(self) -> None:
        code = "it('saves', () => {\n  await save(1);\n});"
        assert share("code_parses", JAVASCRIPT, fenced(code, "js")) == 0.0

    def test_python_runs_its_coroutines(self) -> None:
        task = Task(
            name="a",
            prompt="x",
            expect=Expectation(
                language="python", symbols=("save",), async_symbols=("save",), tests=2
            ),
        )
        code = (
            "def test_a():\n    assert asyncio.run(save(1)) == 1\n\n"
            "async def test_b():\n    assert await save(2) == 2\n\n"
            "def test_c():\n    assert save(3) == 3\n"
        )
        assert share("async_handled", task, fenced(code)) == pytest.approx(2 / 3)


class TestCodeParses:
    def test_half_of_the_rest_is_lost_with_a_broken_block(self) -> None:
        text = fenced("x = 1") + "and\n" + fenced("y = (1")
        assert 0.2 < share("code_parses", FUNCTION, text) < 0.3

    @pytest.mark.parametrize(
        "code",
        [
            "const a = 'it\\'s';",
            "const a = `x ${b ? `y ${c}` : '}'} z`;",
            "const a = /[/\\]}]+'/.test(s);",
            "const a = b / c / d; // it's fine",
            "/* don't (care */ f();",
            'return x.replace(/\\//g, "\'");',
        ],
    )
    def test_javascript_that_is_whole(self, code: str) -> None:
        assert scan(code).faults == ()

    @pytest.mark.parametrize(
        ("code", "line"),
        [
            ("f(", 1),
            ("f(]", 1),
            ("x\nconst a = 'abc\n;", 2),
            ("const a = `abc", 1),
            ("{\n/* never", 2),
            ("a }", 1),
            ("`${ (`", 1),
        ],
    )
    def test_javascript_that_is_not(self, code: str, line: int) -> None:
        assert any(fault.startswith(f"line {line}:") for fault in scan(code).faults)

    def test_an_answer_that_is_cut_off_in_its_code_is_not_whole(self) -> None:
        whole = GOOD_JAVASCRIPT
        cut = whole[: whole.index("bad input")]
        assert share("code_parses", JAVASCRIPT, cut) == 0.0
        assert share("structure", JAVASCRIPT, cut) < share("structure", JAVASCRIPT, whole)

    def test_warnings_of_the_parser_stay_inside(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert not isinstance(parse("pattern = '\\d'  # a bad escape of this test"), str)


class TestPlaceholders:
    @pytest.mark.parametrize(
        "gap",
        [
            "# TODO: more",
            "# Add more tests here",
            "# ... rest of the tests",
            "raise NotImplementedError",
            "# your code here",
            "pass",
        ],
    )
    def test_one_gap_costs_half(self, gap: str) -> None:
        code = f"def halve(number):\n    {gap}\n    return number / 2"
        assert share("no_placeholders", FUNCTION, fenced(code)) == 0.5

    def test_more_cost_everything(self) -> None:
        code = "def halve(number):\n    # TODO\n    # FIXME\n    return number"
        assert share("no_placeholders", FUNCTION, fenced(code)) == 0.0

    def test_words_that_only_look_like_gaps(self) -> None:
        code = (
            "def halve(number):\n    placeholder = passing = [number, ...]\n    return placeholder"
        )
        assert share("no_placeholders", FUNCTION, fenced(code)) == 1.0


class TestReading:
    def test_code_in_another_language_is_not_code(self) -> None:
        reading = read_text("```bash\npip install x\n```\n```python\nx = 1\n```", "python")
        assert [block.code for block in reading.blocks] == ["x = 1"]

    def test_an_untagged_fence_is_code(self) -> None:
        assert read_text("a\n```\nx = 1\n```", "python").code == "x = 1"

    def test_code_without_a_fence_is_found(self) -> None:
        reading = read_text("Here it is.\n\nimport pytest\n\ndef test_a():\n    pass", "python")
        assert reading.before.strip() == "Here it is."
        assert reading.code.startswith("import pytest")

    def test_a_fence_in_a_longer_fence_is_content(self) -> None:
        reading = read_text("````python\ns = '''\n```\n'''\n````\nend", "python")
        assert reading.code == "s = '''\n```\n'''"
        assert "end" in reading.prose

    def test_a_block_that_is_never_closed_reaches_to_the_end(self) -> None:
        block = read_text("```python\nx = (", "python").blocks[0]
        assert (block.code, block.closed) == ("x = (", False)

    def test_a_new_fence_ends_one_that_was_forgotten(self) -> None:
        reading = read_text("```python\na = 1\n```python\nb = 2\n```", "python")
        assert [block.closed for block in reading.blocks] == [False, True]


class TestNeighbours:
    def test_nothing_asynchronous_passes_its_points_on(self) -> None:
        answer = Response(text=GOOD_PYTHON)
        recognised = CHECKS["async_recognised"](PYTHON, answer)
        assert recognised == CHECKS["analysis_names_edge_cases"](PYTHON, answer)
        handled = CHECKS["async_handled"](PYTHON, answer)
        assert handled == CHECKS["error_cases_tested"](PYTHON, answer)

    def test_a_task_that_names_nothing_is_searched_for_its_own_words(self) -> None:
        task = Task(name="free", prompt="Describe how sourdough starter fermentation works.")
        on_topic = (
            "A sourdough starter works by fermentation: wild yeast and bacteria feed on flour, "
            "and that is how the dough rises. Describe it as a small garden."
        )
        off_topic = "The weather is nice today and we walk along the river for many long hours."
        assert share("uses_symbols", task, on_topic) > share("uses_symbols", task, off_topic)

    def test_a_wrong_pattern_is_the_tasks_fault_and_said_so(self) -> None:
        task = TEXT.model_copy(
            update={"expect": TEXT.expect.model_copy(update={"edge_cases": {"bad": "("}})}
        )
        with pytest.raises(SpecError, match="task 'tx': edge case 'bad' is no regular expression"):
            CHECKS["edge_cases_tested"](task, Response(text="some text"))


def test_strategy_after_the_code_earns_two_fifths() -> None:
    late = (
        fenced("def halve(n):\n    return n / 2") + "My strategy was to go from the limits inwards."
    )
    assert share("strategy_before_code", FUNCTION, late) == 0.4


def test_names_that_nobody_defines_are_found() -> None:
    tree = parse(
        "import os\nfrom a import b as c\nfor i in range(3):\n    print(os, c, i, pytest, x)"
    )
    assert not isinstance(tree, str)
    assert undefined_names(tree) == ("pytest", "x")


def test_padding_does_not_raise_the_code_points() -> None:
    filler = "It is important to note that quality matters and testing is essential. " * 40
    padded = GOOD_PYTHON + filler
    for check in ("distinct_tests", "edge_cases_tested", "code_parses", "uses_symbols"):
        assert share(check, PYTHON, padded) == share(check, PYTHON, GOOD_PYTHON)


# --- attacks -----------------------------------------------------------------------------------

HOSTILE: Mapping[str, Callable[[int], str]] = {
    "one long line": lambda n: "a" * n,
    "brackets": lambda n: fenced("(" * n),
    "closing brackets": lambda n: fenced(")" * n, "js"),
    "quotes": lambda n: fenced("'\"`" * (n // 3), "js"),
    "escaped quotes": lambda n: fenced('"' + '\\"' * (n // 2), "js"),
    "slashes": lambda n: fenced("/ " * (n // 2), "js"),
    "templates": lambda n: fenced("`${" * (n // 3), "js"),
    "nested tests": lambda n: fenced("it('a', () => { save(" * (n // 21), "js"),
    "closed nested tests": lambda n: fenced("it(" * (n // 4) + ")" * (n // 4), "js"),
    "unary": lambda n: fenced("-" * n + "1"),
    "attributes": lambda n: fenced("a" + ".b" * (n // 2)),
    "many calls": lambda n: fenced("save(1) " * (n // 8), "js"),
    "kept calls": lambda n: fenced("it('a', () => {" + "x = save(1) " * (n // 12) + "})", "js"),
    "fences": lambda n: "```\n" * (n // 4),
    "tagged fences": lambda n: "```python\n```bash\n" * (n // 18),
    "blank lines": lambda n: fenced("\n" * n),
    "blank lines in js": lambda n: fenced("\n" * n, "js"),
    "spaces": lambda n: " " * n + "x",
    "tests without bodies": lambda n: fenced("def test(:\n" * (n // 11)),
    "gap-like dots": lambda n: "... " * (n // 4),
    "comments": lambda n: fenced("# " * (n // 2)),
    "empty test": lambda n: fenced("it('a', () => {" + " " * n, "js"),
    "each": lambda n: fenced("it.each([" + "1," * (n // 2) + "])('a', () => {})", "js"),
    "nul": lambda n: "\x00" * n,
    "surrogates": lambda n: "\ud800" * n,
    "list": lambda n: "- \n" * (n // 3),
    "words": lambda n: "because first " * (n // 14),
    "decorators": lambda n: fenced("@a\n" * (n // 3) + "def test_a():\n    assert x"),
}


def _mark_all(text: str) -> None:
    for task in (PYTHON, JAVASCRIPT, TEXT):
        for check in CHECKS.values():
            assert 0.0 <= check(task, Response(text=text)).share <= 1.0


@pytest.mark.parametrize("attack", sorted(HOSTILE))
def test_a_hostile_text_is_marked(attack: str) -> None:
    _mark_all(HOSTILE[attack](10_000))


@pytest.mark.slow
@pytest.mark.parametrize("attack", sorted(HOSTILE))
def test_a_hostile_text_takes_time_in_proportion_to_its_length(attack: str) -> None:
    """Eight times the text may take some sixteen times as long, not sixty-four."""

    def seconds(size: int) -> float:
        best = float("inf")
        for attempt in range(3):
            # A blank more makes it a new text, so that nothing is remembered.
            text = HOSTILE[attack](size) + " " * (attempt + 1)
            start = time.process_time()
            _mark_all(text)
            best = min(best, time.process_time() - start)
        return best

    small, large = seconds(20_000), seconds(160_000)
    assert large < 20 * small + 0.25


@pytest.mark.slow
def test_two_megabytes_in_one_line_are_marked() -> None:
    for text in ("x" * 2_000_000, fenced("x" * 2_000_000), fenced("a=1;" * 500_000, "js")):
        _mark_all(text)


PIECES = st.sampled_from(
    ["```", "```python\n", "```js\n", "\n", "def test_a():", "    assert x", "await save(1);",
     "it('a', async () => {", "});", "(", ")", "'", '"', "`", "${", "/", "\\", "\x00", "\ud800",
     "é", "- ", "because", "strategy", "TODO", "halve", " ", "1",
     "@pytest.mark.parametrize('a', [1, 2])\n"]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=40).map("".join))


@settings(max_examples=120, deadline=None)
@given(text=TEXTS)
def test_every_check_is_total(text: str) -> None:
    for task in (PYTHON, JAVASCRIPT, FUNCTION, TEXT):
        for name, check in CHECKS.items():
            result = check(task, Response(text=text))
            assert 0.0 <= result.share <= 1.0, name
            assert all(isinstance(line, str) for line in result.evidence)
            assert result == check(task, Response(text=text)), "a check is a pure function"


@settings(max_examples=100, deadline=None)
@given(source=st.lists(PIECES, max_size=40).map("".join))
def test_blanking_keeps_places(source: str) -> None:
    script = scan(source)
    assert len(script.bare) == len(source)
    assert [m.start() for m in re.finditer("\n", source)] == [
        m.start() for m in re.finditer("\n", script.bare)
    ]
