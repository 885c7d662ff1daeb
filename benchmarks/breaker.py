"""Prints the CPU that the circuit breaker takes per character, for several sizes of piece."""

import random
import time

from preamblelab.execution.breaker import Breaker

CHARACTERS = 100_000
PIECES = (1, 4, 20, 400)
WORDS = ["river", "stone", "copper", "lantern", "meadow", "signal", "window"]


def texts() -> dict[str, str]:
    """Return clean, looping and awkward texts of one length each."""
    generator = random.Random(1)
    prose = " ".join(
        "".join(generator.choices("etaoinshrdlucmfwyp", k=generator.randint(2, 9)))
        for _ in range(CHARACTERS // 5)
    )
    answer = "".join(
        f"it('{' '.join(generator.choices(WORDS, k=4))}', () => {{\n"
        f"  expect(run({generator.randrange(9_999)})).toBe({generator.randrange(9_999)});\n}});\n"
        for _ in range(CHARACTERS // 60)
    )
    digits = ",".join(generator.choices("0123456789", k=CHARACTERS // 2))
    almost = "".join("a" * generator.randrange(100, 140) + "b" for _ in range(CHARACTERS // 100))
    loop = prose[:2_000] + "the same line comes again and again.\n" * (CHARACTERS // 37)
    found = {
        "clean prose": prose,
        "clean test suite": answer,
        "number list": digits,
        "almost one character": almost,
        "loop, until noticed": loop[:3_000],
        "loop, whole stream": loop,
    }
    return {name: text[:CHARACTERS] for name, text in found.items()}


def microseconds_per_character(text: str, size: int) -> float:
    """Feed `text` in pieces of `size` characters; return microseconds of CPU per character."""
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    best = float("inf")
    for _ in range(3):
        feed = Breaker().feed
        started = time.process_time()
        for piece in pieces:
            feed(piece)
        best = min(best, time.process_time() - started)
    return best / len(text) * 1e6


def main() -> None:
    """Print one row per text, one column per size of piece."""
    print("microseconds of CPU per character, best of 3")
    print(f"{'text':<24}" + "".join(f"{size:>9}" for size in PIECES))
    for name, text in texts().items():
        figures = (microseconds_per_character(text, size) for size in PIECES)
        print(f"{name:<24}" + "".join(f"{figure:>9.3f}" for figure in figures))


if __name__ == "__main__":
    main()
