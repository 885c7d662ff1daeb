"""YAML that surprises, swells, recurses or runs code is refused, with its line."""

import re

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from preamblelab.errors import SpecError
from preamblelab.library.strict_yaml import MAX_DEPTH, MAX_NODES, parse_fields, parse_yaml


def plain(text: str) -> object:
    return parse_yaml(text, "f.yaml").plain()


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"),  # YAML 1.1 reads true
        ("NO", "NO"),  # ... false: Norway, and a model's name
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-1.5", -1.5),
        (".5", 0.5),
        ("1e-3", 0.001),  # YAML 1.1 reads a text
        ("010", "010"),  # ... 8
        ("0x1F", "0x1F"),  # ... 31
        ("1:30", "1:30"),  # ... 90
        ("1_000", "1_000"),  # ... 1000
        ("2024-01-01", "2024-01-01"),  # ... a date
        (".nan", ".nan"),
        (".inf", ".inf"),
        ("1e999", "1e999"),  # no finite number
        ("1e-999", "1e-999"),  # would vanish
        ("9" * 6000, "9" * 6000),  # more digits than int() takes
        ("'12'", "12"),
        ('"on"', "on"),
        ("<<", "<<"),
        ("=", "="),
    ],
)
def test_a_word_is_a_number_or_a_switch_only_where_json_would_say_so(written: str, value: object):
    assert plain(f"- {written}\n") == [value]
    assert type(plain(f"- {written}\n")[0]) is type(value)  # type: ignore[index]


def test_a_number_keeps_how_it_was_written():
    node = parse_yaml("version: 3.10\nquoted: '3.10'\n", "f.yaml")
    assert (node.fields["version"].value, node.fields["version"].written) == (3.1, "3.10")
    assert node.fields["quoted"].written is None


def test_every_value_keeps_the_line_of_its_key():
    node = parse_yaml("a: 1\nb:\n  - x\n  - c: |\n      long\n      text\n    d: y\n", "f.yaml")
    assert node.at(("b",)).line == 2
    assert node.at(("b", 0)).line == 3
    assert node.at(("b", 1, "c")).line == 4
    assert node.at(("b", 1, "d")).line == 7
    assert node.at(("b", 1, "nowhere", "x")).line == 4  # the nearest above
    assert parse_yaml("a: 1", "f.yaml", first_line=10).at(("a",)).line == 10


ATTACKS = {
    "alias": ("a: &x [1]\nb: *x\n", 1, "an anchor '&x'"),
    "alias alone": ("a: 1\nb: *x\n", 2, "an alias '*x'"),
    "recursive anchor": ("&a [*a]", 1, "an anchor '&a'"),
    "python": ("a: 1\nb: !!python/object/apply:os.system [id]\n", 2, "a tag"),
    "binary": ("a: !!binary aGk=\n", 1, "a tag"),
    "set": ("--- !!set {a, b}\n", 1, "a tag"),
    "own tag": ("a: !x 1\n", 1, "a tag '!x'"),
    "plain tag": ("a: ! 1\n", 1, "a tag '!'"),
    "double key": ("a: 1\nb: 2\na: 3\n", 3, "'a' stands here a second time"),
    "double key of two types": ("1: a\n'1': b\n", 2, "'1' stands here a second time"),
    "key of several": ("? [a, b]\n: c\n", 1, "a key that is no word"),
    "empty key": ("a: c\n'': d\n", 2, "a key that is no word"),
    "two documents": ("a: 1\n---\nb: 2\n", 2, "a second document"),
    "directive": ("%YAML 1.1\n---\na: on\n", 1, "a '%' directive"),
    "own prefix": ("%TAG ! tag:x,2000:\n---\na: on\n", 1, "a '%' directive"),
    "nested lists": ("[" * 100_000, 1, f"nested deeper than {MAX_DEPTH}"),
    "nested mappings": ("{a: " * 20_000, 1, f"nested deeper than {MAX_DEPTH}"),
    "nested dashes": ("- " * 100 + "a", 1, f"nested deeper than {MAX_DEPTH}"),
    "many values": ("[" + "a," * 100_001 + "]", 1, f"more than {MAX_NODES:,} values"),
    "long": ("a: " + "x" * 1_000_001, 1, "longer than 1,000,000"),
    "tab": ("a:\n\t- b\n", 2, "a tab; YAML indents with blanks"),
    "two colons": ("a: b: c\n", 1, "a second ': ' in one line"),
    "unclosed": ("a: 'x\n", 2, "not YAML: "),
    "bell": ("a: 1\nb: \x07\n", 2, "the character"),
    "half a surrogate": ('a: "\\ud800"\n', 1, "half of a surrogate pair"),
    "half a surrogate in a key": ('"\\udfff": 1\n', 1, "half of a surrogate pair"),
    "no character": ('a: "\\UFFFFFFFF"\n', 1, "an escape that names no character"),
    "empty": ("", 1, "the file is empty"),
    "comments": ("# nothing\n", 1, "the file is empty"),
}


@pytest.mark.parametrize(("text", "line", "message"), ATTACKS.values(), ids=ATTACKS)
def test_attacks_are_refused_with_their_line(text: str, line: int, message: str):
    with pytest.raises(SpecError) as caught:
        parse_yaml(text, "f.yaml")
    assert str(caught.value).startswith(f"f.yaml:{line}: {message}")
    assert "\n" not in str(caught.value)


def test_an_alias_bomb_does_not_go_off():
    bomb = "a0: &a0 [x,x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1},*a{i - 1}]\n" for i in range(1, 40))
    with pytest.raises(SpecError, match="anchor"):
        parse_yaml(bomb, "f.yaml")  # its 2 ** 40 values would never be done


def test_fifty_levels_pass():
    assert plain("[" * MAX_DEPTH + "]" * MAX_DEPTH) is not None


def test_a_file_of_fields_must_be_a_mapping():
    with pytest.raises(SpecError, match=r"f.yaml:1: must be a mapping 'field: value', not a list"):
        parse_fields("- a\n", "f.yaml")


yaml_like = st.text(alphabet="ab:-[]{}'\"|>&*!%@`#?, \n\t01.e~", max_size=60)


@settings(deadline=None)
@given(st.text(max_size=80) | yaml_like)
def test_any_text_is_read_or_refused_in_one_line(text: str):
    refused = ""
    try:
        plain(text)
    except SpecError as error:
        refused = str(error)
    assert not refused or refused.startswith("f.yaml:")
    assert "\n" not in refused


@given(yaml_like)
def test_c_reads_no_text_otherwise_than_python(text: str):
    def read() -> object:
        try:
            return parse_yaml(text, "f.yaml")
        except SpecError as error:
            return str(error)

    with_c = read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml, "__with_libyaml__", False)
        without = read()
    # A few texts, such as [a?b], are refused by the Python scanner only.
    assert with_c == without or isinstance(without, str)


# PyYAML writes and reads these three as line ends; a text with them has them folded.
letters = st.characters(exclude_characters="\x85\u2028\u2029", exclude_categories=["Cs"])
# PyYAML writes the text "0E0" without quotes; to us, as to YAML 1.2, that is a number.
numbers = re.compile(r"[-+]?[0-9.]+[eE][-+]?[0-9]+")
texts = st.text(letters, max_size=8).filter(lambda text: not numbers.fullmatch(text))
leaves = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | texts
trees = st.recursive(
    leaves | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(alphabet="abcxyz_", min_size=1, max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.text(alphabet="abcxyz_", min_size=1, max_size=6), trees))
def test_what_another_writer_wrote_is_read_as_it_was_meant(value: dict[str, object]):
    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            return True

    written = yaml.dump(value, Dumper=Plain, allow_unicode=True)
    assert plain(written) == value
