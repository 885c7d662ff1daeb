"""Preamble files: YAML and Markdown say the same things."""

from collections.abc import Callable
from pathlib import Path

import pytest

from preamblelab.errors import SpecError
from preamblelab.library import load_experiment, load_preamble

Write = Callable[[str, str], Path]

MARKDOWN = """\
---
name: careful
version: 3.10
reasons: {tiny: They loop.}
---

Think first.

## Rules
- Be exact.

```
## size: mid
```

## size: tiny
Write the code.

## clause: brevity

At most three sentences.
"""

YAML = """\
version: 3.10
text: |
  Think first.

  ## Rules
  - Be exact.

  ```
  ## size: mid
  ```
sizes: {tiny: Write the code.}
brevity: At most three sentences.
reasons: {tiny: They loop.}
"""


def test_markdown_and_yaml_make_the_same_preamble(write: Write):
    from_markdown = load_preamble(write("a/careful.md", MARKDOWN))
    from_yaml = load_preamble(write("b/careful.yaml", YAML))
    assert from_markdown.version == from_yaml.version == "3.10"
    assert from_markdown.sizes == from_yaml.sizes
    assert from_markdown.clauses == from_yaml.clauses
    assert from_markdown.reasons == from_yaml.reasons
    assert str(from_markdown.text).strip() == str(from_yaml.text).strip()
    assert "## size: mid" in str(from_markdown.text)  # inside a fence it is text


def test_a_plain_text_is_a_preamble_called_as_its_file(write: Write):
    assert load_preamble(write("My prompt (v2).txt", "Be kind.\n")).name == "My-prompt-v2"
    assert load_preamble(write("x.md", "Be kind.\n\nAlways.\n")).text == "Be kind.\n\nAlways."


def test_a_family_may_have_texts_by_size_only(write: Write):
    preamble = load_preamble(write("x.md", "## size: tiny\nShort.\n## size: large\nLong.\n"))
    assert preamble.text is None
    assert preamble.sizes == {"tiny": "Short.", "large": "Long."}


TEMPLATES = "{0.__class__} {{7*7}} ${HOME} %(x)s <|im_start|> `id` $(id)"


@pytest.mark.parametrize("name", ["x.md", "x.yaml"])
def test_a_text_is_data_whatever_it_looks_like(write: Write, name: str):
    text = f"text: |\n  {TEMPLATES}\n" if name.endswith("yaml") else TEMPLATES
    assert str(load_preamble(write(name, text)).text).strip() == TEMPLATES


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "x.md",
            "Hi\n## sizes: tiny\nShort.",
            "x.md:2: unknown section 'sizes'; did you mean 'size'",
        ),
        (
            "x.md",
            "Hi\n## Clause: b\nShort.",
            "x.md:2: unknown section 'Clause'; did you mean 'clause'",
        ),
        ("x.md", "Hi\n## size: tny\nShort.", "x.md:2: no size 'tny'; did you mean 'tiny'"),
        ("x.md", "Hi\n## size: tiny\na\n## size: tiny\nb", "x.md:4: a second section 'size: tiny'"),
        ("x.md", "Hi\n\n## clause: brevity\n\n", "x.md:3: brevity is empty"),
        ("x.md", "---\nname: x\nHi", "x.md:1: the front matter has no second '---'"),
        (
            "x.md",
            "---\nname: x\n\nverson: 2\n---\nHi",
            "x.md:4: unknown field 'verson'; did you mean",
        ),
        ("x.md", "---\nname: x\ntext: Ho\n---\nHi", "x.md:3: text stands in the body too"),
        ("x.md", "", "x.md:1: a preamble needs text"),
        ("x.yaml", "text: ''", "x.yaml:1: text is empty"),
        ("x.yaml", "text: a\nclauses:\n  b: ' '", "x.yaml:3: b is empty"),
        ("x.yaml", "text: a\nbrevity: b\nclauses: {brevity: c}", "x.yaml:2: brevity stands under"),
        ("x.yaml", "text: a\nsizes:\n  tny: b", "x.yaml:3: sizes.tny"),
        ("x.yaml", "text: a\nsizes:\n  unknown: b", "x.yaml:3: no text for size 'unknown'"),
        ("x.yaml", "text: a\nreasons: {tiny: b}", "x.yaml:2: a reason for 'tiny'"),
        (
            "x.yaml",
            "text: true",
            "x.yaml:1: text: must be a text, not 'true', which is a yes or no",
        ),
        ("x.yaml", "text: [a]", "x.yaml:1: text: must be a text, not a list"),
        ("x.yaml", "name: baseline\ntext: a", "x.yaml:1: 'baseline' is the arm without"),
        ("x.yaml", "name: ../x\ntext: a", "x.yaml:1: name: '../x' is not a name"),
        ("x.yaml", "- text", "x.yaml:1: must be a mapping 'field: value', not a list"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(write: Write, name: str, text: str, message: str):
    with pytest.raises(SpecError) as caught:
        load_preamble(write(name, text))
    assert message in str(caught.value)


def test_a_file_and_the_name_in_it_must_agree_when_looked_up_by_name(project: Path, plan: str):
    path = project / "preambles/other.yaml"
    path.write_text("name: another\ntext: a\n")
    experiment = project / "experiments/x.yaml"
    experiment.write_text(plan.replace("[careful]", "[other]"))
    with pytest.raises(SpecError, match=r"other.yaml:1: name: 'another' lies in a file called"):
        load_experiment(experiment)
