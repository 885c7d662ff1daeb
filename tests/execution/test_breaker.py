"""The circuit breaker against recorded loops, clean repetitive texts, mutations and bad inputs."""

import base64
import gzip
import hashlib
import itertools
import json
import random
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preamblelab.execution.breaker import Breaker, BreakerSettings, Loop, find_loop
from preamblelab.execution.loops import (
    Work,
    common_tail,
    copying_distance,
    counted_run,
    few_lines,
    level_of,
    periodic_runs,
    rewriting_cost,
    same_list_items,
    texture,
)

WORDS = [
    "river",
    "stone",
    "copper",
    "lantern",
    "meadow",
    "signal",
    "window",
    "harbour",
    "ledger",
    "violet",
    "thunder",
    "canvas",
    "pepper",
    "orchard",
    "magnet",
    "velvet",
    "summit",
    "basket",
    "cinder",
    "marble",
    "feather",
    "compass",
    "walnut",
    "garden",
    "mirror",
    "saddle",
]


def prose(characters: int, seed: int) -> str:
    """Words in random order: nothing repeats for longer than a word or two."""
    generator = random.Random(seed)
    text = ""
    while len(text) < characters:
        text += " ".join(generator.choices(WORDS, k=generator.randint(6, 14))).capitalize() + ". "
    return text[:characters]


# --- measures: the fast way against the obvious one ---


def slow_common_tail(text: str, distance: int) -> int:
    count = 0
    while count + distance < len(text) and text[-1 - count] == text[-1 - count - distance]:
        count += 1
    return count


@given(st.text(alphabet="ab", min_size=2, max_size=200), st.integers(1, 60))
def test_common_tail_equals_the_slow_count(text: str, distance: int) -> None:
    distance = min(distance, len(text) - 1)
    assert common_tail(text, distance, Work()) == slow_common_tail(text, distance)


@given(st.integers(1, 300), st.integers(3, 6), st.integers(0, 1_000))
@settings(max_examples=50, deadline=None)
def test_the_true_period_is_among_the_candidates(period: int, repeats: int, seed: int) -> None:
    unit = "".join(random.Random(seed).choices("abcdefgh", k=period))
    text = "\x00\x01" + unit * max(repeats, 60 // period + 1)
    runs = list(periodic_runs(text, 2_000, Work()))
    smallest = next(d for d in range(1, period + 1) if (unit * 2)[d : d + period] == unit)
    assert runs[-1].period == smallest
    assert runs[-1].length == len(text) - 2


def test_an_inner_rule_does_not_hide_the_longer_period() -> None:
    unit = "A heading of this kind\n" + "-" * 40
    runs = list(periodic_runs("start\n" + unit * 6, 2_000, Work()))
    assert runs[0].period == 1
    assert runs[-1].period == len(unit)


@pytest.mark.parametrize(
    ("unit", "kind"),
    [
        ("|      |      |\n", "bare"),
        ("0, 0, ", "bare"),
        ("A", "bare"),
        ("─", "bare"),
        ("null, ", "sparse"),
        ("ACGT", "sparse"),
        ("the same thing ", "worded"),
        ("冷冻", "worded"),
        ("", "bare"),
    ],
)
def test_texture(unit: str, kind: str) -> None:
    assert texture(unit) == kind


@pytest.mark.parametrize(
    ("unit", "level"),
    [
        ("a", "character"),
        ("and so on ", "phrase"),
        ("rest of the line\nstart of the ", "line"),
        ("one\ntwo\n", "block"),
        ("\n\nonly one line", "line"),
    ],
)
def test_level(unit: str, level: str) -> None:
    assert level_of(unit) == level


def test_counting_numbers_are_found_and_free_numbers_are_not() -> None:
    counting = "".join(f"Item {n}: the value of step {n * 3} is fixed\n" for n in range(1, 60))
    generator = random.Random(5)
    free = "".join(f"Item {n}: the value of step {generator.random()} is\n" for n in range(60))
    run = counted_run(counting, 500, Work())
    assert run is not None
    assert run.repeats > 50
    assert counted_run(free, 500, Work()) is None
    assert counted_run("no number here " * 20, 500, Work()) is None


def test_numbers_too_long_to_be_counters_are_left_alone() -> None:
    text = "".join(f"key {10**40 + n} of the table is held\n" for n in range(60))
    assert counted_run(text, 500, Work()) is None


def test_equal_list_items_are_counted_from_the_end() -> None:
    text = "Intro\n1. other\n" + "".join(f"{n}. the same\n\n" for n in range(2, 9)) + "9. the"
    run, count = same_list_items(text, Work())
    assert count == 7
    assert text[-run.length :].startswith("2. the same")
    assert same_list_items("no list\nat all\n", Work())[1] == 0


def test_few_different_lines_among_many() -> None:
    lines = [prose(60, n) + "\n" for n in range(3)]
    found = few_lines("".join(lines * 20), 48, Work())
    assert found is not None
    run, share = found
    assert share == 3 / 48
    assert run.length == 48 * 61
    assert few_lines("".join(lines * 10), 48, Work()) is None  # too few lines
    assert few_lines("},\n" * 100, 48, Work()) is None  # no words in them


def test_rewriting_costs_little_and_prose_costs_much() -> None:
    text = prose(3_000, 1)
    assert rewriting_cost(text * 3, 3_000, 6_000, Work()) < 20
    assert rewriting_cost(prose(9_000, 2), 3_000, 6_000, Work()) > 150
    assert abs(copying_distance(text * 3, 3_000, Work()) - 3_000) < 400


# --- one rule, whatever the pieces ---

LOOPS = {
    "character": prose(700, 3) + "z" * 2_500,
    "phrase": prose(700, 3) + "and then the river came again " * 40,
    "line": prose(700, 3) + "\n" + "- the copper lantern hangs by the window\n" * 40,
    "block": prose(700, 3)
    + "\n"
    + "it('works', () => {\n  expect(run(input)).toBe(output);\n});\n" * 30,
}


@pytest.mark.parametrize("level", LOOPS)
def test_level_onset_and_period_of_a_planted_loop(level: str) -> None:
    loop = find_loop(LOOPS[level])
    assert loop is not None
    assert loop.level == level
    assert loop.exact
    assert abs(loop.onset - 700) <= 2
    assert loop.repeats == pytest.approx((loop.at - loop.onset) / loop.period)


@pytest.mark.parametrize("level", LOOPS)
def test_the_result_does_not_depend_on_the_pieces(level: str) -> None:
    text = LOOPS[level]
    found = {find_loop(text, chunk=chunk) for chunk in (1, 7, 64, 1_000, len(text))}
    assert len(found) == 1
    assert None not in found


@given(st.lists(st.integers(0, 90), min_size=1, max_size=200), st.sampled_from(sorted(LOOPS)))
@settings(max_examples=40, deadline=None)
def test_ragged_pieces_give_the_same_loop(sizes: list[int], level: str) -> None:
    text = LOOPS[level]
    breaker = Breaker()
    place = 0
    for size in itertools.chain(sizes, itertools.repeat(50)):
        if place >= len(text):
            break
        loop = breaker.feed(text[place : place + size])
        place += size
        if loop is not None:
            assert loop.at <= place
            assert place - loop.at < 17 + size
            break
    assert breaker.feed("") == find_loop(text)


def test_the_loop_stays_and_the_length_goes_on() -> None:
    breaker = Breaker()
    first = breaker.feed(LOOPS["phrase"])
    assert first is not None
    assert breaker.feed("something quite different") is first
    assert breaker.text_length == len(LOOPS["phrase"]) + len("something quite different")


def test_an_empty_stream_and_a_bad_chunk() -> None:
    assert find_loop("") is None
    assert Breaker().feed("") is None
    with pytest.raises(ValueError, match="at least 1"):
        find_loop("text", chunk=0)


def test_settings_decide() -> None:
    text = "the same copper lantern " * 40
    assert find_loop(text) is not None
    assert find_loop(text, settings=BreakerSettings(worded=5_000, chain=9_000)) is None


def test_lone_surrogates_pass() -> None:
    assert find_loop(prose(4_000, 4) + "\ud800" * 50) is None


# --- recorded texts ---


def rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def corpus(shared_data: Path) -> list[tuple[dict[str, Any], Loop | None]]:
    texts = rows(shared_data / "repetition_corpus.jsonl.gz")
    return [(row, find_loop(row["text"], chunk=400)) for row in texts]


def half_of(row: dict[str, Any]) -> int:
    """Two halves that share no model."""
    return hashlib.sha256(row["model"].encode()).digest()[0] % 2


def share_caught(results: list[tuple[dict[str, Any], Loop | None]], label: str) -> float:
    found = [loop is not None for row, loop in results if row["label"] == label]
    return sum(found) / len(found)


@pytest.mark.whole
def test_recorded_loops_are_caught(corpus: list[tuple[dict[str, Any], Loop | None]]) -> None:
    assert share_caught(corpus, "loop") >= 0.97
    assert share_caught(corpus, "near_loop") >= 0.5


@pytest.mark.parametrize("half", [0, 1])
def test_either_half_of_the_models_would_do(
    corpus: list[tuple[dict[str, Any], Loop | None]], half: int
) -> None:
    part = [(row, loop) for row, loop in corpus if half_of(row) == half]
    assert share_caught(part, "loop") >= 0.96
    assert not any(loop for row, loop in part if row["label"].startswith("clean"))


def test_no_recorded_clean_text_trips(corpus: list[tuple[dict[str, Any], Loop | None]]) -> None:
    tripped = [row["id"] for row, loop in corpus if loop and row["label"].startswith("clean")]
    assert tripped == []


def test_the_median_cut_comes_in_time(corpus: list[tuple[dict[str, Any], Loop | None]]) -> None:
    late = [
        (loop.at - row["onset"]) / max(600, 5 * row["period"])
        for row, loop in corpus
        if loop and row["label"] == "loop"
    ]
    assert statistics.median(late) <= 1


@pytest.mark.slow
def test_tighter_thresholds_still_spare_the_clean_texts(
    corpus: list[tuple[dict[str, Any], Loop | None]],
) -> None:
    """The margin: every threshold a quarter nearer to the clean texts."""
    tight = BreakerSettings(
        worded=330,
        worded_few=380,
        sparse=470,
        bare=780,
        link=120,
        chain=560,
        counted=2_100,
        line_share=0.25,
        rewriting=((3_072, 24.0, 0.4), (4_096, 24.0, 0.75)),
    )
    clean = [row for row, _ in corpus if row["label"].startswith("clean")]
    assert [row["id"] for row in clean if find_loop(row["text"], settings=tight, chunk=400)] == []


def test_recorded_runs(shared_data: Path) -> None:
    """Only the endless answers trip; the tiny answer of run 3 and 4 is the endless one cut off."""
    tripped = {
        (row["run"], row["model"], row["preamble"])
        for row in rows(shared_data / "mimir_runs.jsonl.gz")
        if find_loop(row["response"], chunk=400)
    }
    assert tripped == {
        (1, "deepcoder:1.5b", "claudette-mini"),
        (1, "qwen2.5-coder:1.5b-base", "baseline-no-instructions"),
        (2, "qwen2.5-coder:1.5b-base", "baseline-no-instructions"),
        (3, "qwen2.5-coder:1.5b-base", "claudette-tiny"),
        (4, "qwen2.5-coder:1.5b-base", "claudette-tiny"),
    }


# --- mutated loops ---

SCRIPTS = {
    "latin": "le même fleuve revient toujours ici ",
    "cyrillic": "та же самая река течёт снова ",
    "greek": "το ίδιο ποτάμι κυλά ξανά ",
    "arabic": "نفس النهر يجري مرة أخرى ",
    "devanagari": "वही नदी फिर से बहती है ",
    "han": "同一条河又流过来了，",
    "hangul": "같은 강이 다시 흐릅니다 ",
    "thai": "แม่น้ำสายเดิมไหลอีกครั้ง ",
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script(script: str) -> None:
    loop = find_loop(prose(500, 6) + SCRIPTS[script] * 60)
    assert loop is not None
    assert loop.at - 500 <= 600


@pytest.mark.parametrize(
    "period", [1, 2, 3, 5, 17, 34, 61, 64, 100, 128, 255, 512, 833, 1_024, 2_048, 3_000, 4_500]
)
def test_every_period(period: int) -> None:
    """A period is seen by its fifth repetition, or once 1,000 characters are spent."""
    unit = prose(period + 10, period)[-period:]
    loop = find_loop(prose(1_000, 7) + unit * max(8, 2_500 // period))
    assert loop is not None
    assert loop.at - 1_000 <= max(1_000, 5 * period)


def test_a_list_that_only_counts() -> None:
    item = "How long is the roll of film that is fifty centimetres wide and weighs four kilos?"
    text = prose(400, 8) + "\n" + "".join(f"{n}. {item}\n\n" for n in range(1, 20))
    loop = find_loop(text)
    assert loop is not None
    assert not loop.exact


def test_a_counter_inside_the_line() -> None:
    lines = "".join(f"Milestone {n}: the team meets and signs the plan again\n" for n in range(200))
    loop = find_loop(prose(400, 9) + "\n" + lines)
    assert loop is not None
    assert not loop.exact
    assert loop.period in range(48, 60)


def test_a_phrase_that_drifts() -> None:
    text = prose(600, 10) + "".join(f" and the {word} again" * 12 for word in WORDS)
    loop = find_loop(text)
    assert loop is not None
    assert loop.at < 600 + 2_000


def test_shuffled_lines() -> None:
    generator = random.Random(11)
    lines = [prose(80, n) + "\n" for n in range(6)]
    text = prose(600, 12) + "".join(generator.choice(lines) for _ in range(300))
    loop = find_loop(text)
    assert loop is not None
    assert not loop.exact


def test_a_long_answer_revised_over_and_over() -> None:
    block = prose(1_100, 13)
    text = "".join(f"**Revision {WORDS[n]}**\n\n{block}\n\n" for n in range(12))
    assert find_loop(text) is not None


# --- clean texts that repeat by nature ---

Maker = Callable[[random.Random], str]


def assertions(generator: random.Random) -> str:
    return "".join(
        f"    self.assertEqual(fibonacci({n}), {generator.randrange(10**6)})\n" for n in range(150)
    )


def suite(generator: random.Random) -> str:
    return "".join(
        f"  it('rejects {word} number {n}', () => {{\n"
        f"    expect(() => validate('{word}{generator.randrange(99)}')).toThrow(ValidationError);\n"
        "  });\n\n"
        for n, word in enumerate(WORDS * 4)
    )


def records(generator: random.Random) -> str:
    people = [
        {
            "id": n,
            "name": f"{generator.choice(WORDS)} {generator.choice(WORDS)}",
            "age": generator.randrange(90),
            "active": generator.random() < 0.5,
            "tags": generator.sample(WORDS, 2),
        }
        for n in range(120)
    ]
    return json.dumps(people, indent=4)


def number_list(generator: random.Random) -> str:
    return ", ".join(str(generator.randrange(100)) for _ in range(3_000))


def integers(_: random.Random) -> str:
    return "\n".join(map(str, range(4_000)))


def table_of_numbers(generator: random.Random) -> str:
    return "".join(
        f"2024-{n % 12 + 1:02}-{n % 28 + 1:02},{generator.choice(['open', 'closed'])},"
        f"{generator.random():.2f},{generator.randrange(1_000)}\n"
        for n in range(400)
    )


def multiplication(_: random.Random) -> str:
    return "".join(f"{a} x {b} = {a * b}\n" for a in range(1, 21) for b in range(1, 21))


def empty_rows(_: random.Random) -> str:
    head = "| Name | Date | Amount | Notes |\n| --- | --- | --- | --- |\n"
    return head + ("|" + " " * 18) * 4 + "|\n" + (("|" + " " * 18) * 4 + "|\n") * 10


def drawing(generator: random.Random) -> str:
    return "".join(
        " " * generator.randrange(20) + "/" + "=" * generator.randrange(3, 40) + "\\\n"
        for _ in range(150)
    )


def encoded(generator: random.Random) -> str:
    return base64.b64encode(generator.randbytes(9_000)).decode()


def padded(generator: random.Random) -> str:
    return base64.b64encode(bytes(500) + generator.randbytes(2_000) + bytes(500)).decode()


def genome(generator: random.Random) -> str:
    return (
        "".join(generator.choices("ACGT", k=6_000))
        + "CAG" * 60
        + "".join(generator.choices("ACGT", k=2_000))
    )


def song(generator: random.Random) -> str:
    refrain = "Oh the river, the river, it carries me home,\n" * 4 + "\n"
    return "".join(prose(400, generator.randrange(10**6)) + "\n\n" + refrain for _ in range(8))


def html_list(generator: random.Random) -> str:
    return "<ul>\n" + "".join(
        f'  <li class="item"><a href="/{word}/{n}">{word}</a></li>\n'
        for n, word in enumerate(generator.choices(WORDS, k=150))
    )


def options(_: random.Random) -> str:
    return "".join(f'<option value="{year}">{year}</option>\n' for year in range(1950, 2010))


def inserts(generator: random.Random) -> str:
    return "".join(
        f"INSERT INTO users (id, name, city) VALUES ({n}, '{generator.choice(WORDS)}', "
        f"'{generator.choice(WORDS)}');\n"
        for n in range(150)
    )


def given_twice(generator: random.Random) -> str:
    answer = prose(7_000, generator.randrange(10**6))
    return answer + "\n\n**Final Answer**\n\n" + answer


def zeros(_: random.Random) -> str:
    return "matrix = [\n" + ("    [" + ", ".join("0" * 10) + "],\n") * 10 + "]\n"


def logs(generator: random.Random) -> str:
    return "".join(
        f"2024-05-01 12:{n // 60:02}:{n % 60:02} INFO worker-{generator.randrange(8)} finished job "
        f"{generator.randrange(10**5)} in {generator.random():.3f} s\n"
        for n in range(250)
    )


def scalable_path(generator: random.Random) -> str:
    return "".join(
        f"L {generator.random() * 100:.2f} {generator.random() * 100:.2f} " for _ in range(700)
    )


def switch(generator: random.Random) -> str:
    return "".join(
        f'        case {n}:\n            return "{generator.choice(WORDS)}";\n' for n in range(200)
    )


CLEAN: list[Maker] = [
    assertions,
    suite,
    records,
    number_list,
    integers,
    table_of_numbers,
    multiplication,
    empty_rows,
    drawing,
    encoded,
    padded,
    genome,
    song,
    html_list,
    options,
    inserts,
    given_twice,
    zeros,
    logs,
    scalable_path,
    switch,
]


@pytest.mark.parametrize("maker", CLEAN, ids=lambda maker: maker.__name__)
@pytest.mark.parametrize("seed", range(3))
def test_a_clean_text_that_repeats_by_nature(maker: Maker, seed: int) -> None:
    text = prose(300, 99) + "\n\n" + maker(random.Random(seed)) + "\n\n" + prose(300, 98)
    assert find_loop(text, chunk=400) is None


def library_files() -> Iterator[tuple[str, str]]:
    folder = Path(json.__file__).parent.parent
    for path in sorted(folder.rglob("*.py")):
        if "site-packages" not in path.parts:
            yield path.name, path.read_text(encoding="utf-8", errors="replace")


@pytest.mark.slow
def test_the_standard_library_hardly_trips() -> None:
    """Human files of code, tables and tests: at most 1 piece of an answer's length in 500."""
    pieces = tripped = 0
    for _, text in library_files():
        for start in range(0, len(text), 24_000):
            pieces += 1
            tripped += find_loop(text[start : start + 24_000], chunk=4_000) is not None
    assert pieces > 500
    assert tripped <= pieces / 500


# --- bounded work and memory ---

SIZE = 60_000


def hostile() -> dict[str, str]:
    generator = random.Random(21)
    base = prose(30_000, 22)
    return {
        "one character": "0" * SIZE,
        "random": "".join(chr(generator.randrange(32, 127)) for _ in range(SIZE)),
        "two characters": "".join(generator.choices("ab", k=SIZE)),
        "almost one character": ("a" * 117 + "b" + "a" * 131 + "c") * (SIZE // 250),
        "digits": ",".join(generator.choices("0123456789", k=SIZE // 2)),
        "just under the thresholds": ("0" * 960 + "1") * (SIZE // 961),
        "period at the window": base[:20_000] * 3,
        "period under the window": base[:19_900] * 3,
        "overlapping pieces": "".join(base[n * 50 : n * 50 + 400] for n in range(150)),
        "blank lines": "\n" * SIZE,
        "list items": "".join(f"{n}. {n % 3}\n" for n in range(SIZE // 8)),
    }


# Keeps the breaker looking to the end, whatever it finds.
NEVER = BreakerSettings(
    worded=10**9, worded_few=10**9, sparse=10**9, bare=10**9, chain=10**9, items=10**9,
    counted=10**9, line_share=-1.0, rewriting=((3_072, -1.0, 0.4), (4_096, -1.0, 0.75)),
)  # fmt: skip


@pytest.mark.parametrize("name", hostile())
def test_work_and_memory_are_bounded(name: str) -> None:
    """Characters looked at per character of text; a loop alone is read again and again."""
    text = hostile()[name]
    breaker = Breaker()
    most = 0
    for start in range(0, len(text), 500):
        if breaker.feed(text[start : start + 500]):
            break
        most = max(most, breaker.remembered)
    seen = breaker.text_length
    assert breaker.work.characters <= 450 * seen
    assert most <= 20_000 + 4_096 + 500 + 17


def test_work_stays_linear() -> None:
    """Twice the text, twice the work: nothing grows with what was already read."""
    text = prose(80_000, 23)
    spent = []
    for size in (40_000, 80_000):
        breaker = Breaker(settings=NEVER)
        breaker.feed(text[:size])
        spent.append(breaker.work.characters)
    assert spent[1] < 2.2 * spent[0]


@pytest.mark.slow
def test_two_million_characters_in_one_piece() -> None:
    breaker = Breaker()
    text = "".join(random.Random(24).choices("abcdefghij ", k=2_000_000))
    assert breaker.feed(text) is None
    assert breaker.remembered <= 20_000 + 4_096 + 17
    assert breaker.work.characters <= 150 * len(text)
    assert sys.getsizeof(breaker._window) < 120_000
