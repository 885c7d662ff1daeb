"""What holds for every verifier: golden answers, empty ones, noise, failures, own errors."""

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preamblelab.domain.records import Response
from preamblelab.domain.verifiers import VERIFIER_SHORT_FORMS, Exact
from preamblelab.errors import MissingExtraError
from preamblelab.scoring.verifiers.catalogue import VERIFIERS, verify_one
from preamblelab.scoring.verifiers.verification import Finding, UnverifiableError, verifier
from tests.scoring.verifiers.answers import GOLDEN, NOISE, SIZE, spec

KINDS = sorted(GOLDEN)


def test_every_kind_has_a_verifier_and_a_golden_answer():
    assert KINDS == sorted(VERIFIERS) == sorted(VERIFIER_SHORT_FORMS.main)


@pytest.mark.parametrize("kind", KINDS)
def test_a_golden_answer_earns_everything(kind: str):
    written, response = GOLDEN[kind]
    found = verify_one(spec(written), response)
    assert found.share == 1, found
    assert found.passed is True
    assert found.verifier == kind
    assert found.version
    assert found.evidence
    assert found.reason == ""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["", " \n\t "])
def test_an_empty_answer_earns_nothing(kind: str, text: str):
    status = "empty"
    found = verify_one(spec(GOLDEN[kind][0]), Response(text=text, status=status))
    assert found.share == 0, found
    assert found.passed is False


@pytest.mark.parametrize("kind", KINDS)
def test_a_failed_call_is_missing_with_its_reason(kind: str):
    written, golden = GOLDEN[kind]
    failed = replace(golden, status="failed", reason="timeout: after 60 s")
    found = verify_one(spec(written), failed)
    assert found.share is None
    assert found.passed is None
    assert "timeout: after 60 s" in found.reason


@pytest.mark.parametrize("kind", KINDS)
def test_noise_returns_within_a_second(kind: str):
    """CPU time of this process, which a busy machine does not stretch."""
    checked = spec(GOLDEN[kind][0])
    verify_one(checked, Response(text="warm up: libraries are imported. Answer: 1 m"))
    for name, text in NOISE.items():
        began = time.process_time()
        found = verify_one(checked, Response(text=text))
        assert time.process_time() - began < 1, name
        assert not found.reason.startswith("the verifier failed"), (name, found)
        # A text that discloses nothing is right to the canary; to the others noise is wrong.
        assert found.share in ({1} if kind == "canary" else {0, None} | _partly(kind)), name


def _partly(kind: str) -> set[float]:
    """Noise may keep some constraints, contain a letter, or be an answer that opens so."""
    return {
        "constraints": {1 / 3, 2 / 3},
        "refusal": {1.0},  # "I'm sorry, but" over and over is a refusal
    }.get(kind, set())


@pytest.mark.parametrize("kind", KINDS)
def test_the_noise_is_as_large_as_it_says(kind: str):
    assert all(SIZE // 5 <= len(text) <= SIZE + 20 for text in NOISE.values())


@settings(max_examples=60)
@given(
    text=st.one_of(
        st.text(max_size=300),
        st.text(alphabet="Answer: 0123456789.,/%$\\{}[]()*\"'\n=ABCx", max_size=300),
    ),
    kind=st.sampled_from([kind for kind in KINDS if kind != "symbolic"]),
)
def test_every_verifier_is_total_and_the_same_every_time(text: str, kind: str):
    checked = spec(GOLDEN[kind][0])
    first = verify_one(checked, Response(text=text))
    assert verify_one(checked, Response(text=text)) == first
    assert first.share is None or 0 <= first.share <= 1
    assert (first.share is None) == bool(first.reason)
    assert not first.reason.startswith("the verifier failed"), first
    assert all("\n" not in line and len(line) <= 300 for line in first.evidence)
    for line in (*first.evidence, first.reason):
        line.encode("utf-8")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ZeroDivisionError("division by zero"), "the verifier failed: ZeroDivisionError: division"),
        (RecursionError("too deep"), "the verifier failed: RecursionError"),
        (MemoryError(), "the verifier failed: MemoryError"),
        (UnverifiableError("took too long"), "took too long"),
        (MissingExtraError("install it"), "install it"),
    ],
)
def test_an_error_of_the_verifier_s_own_is_missing_never_zero(error: Exception, reason: str):
    @verifier("broken", version="7")
    def broken(spec: Exact, response: Response) -> Finding:
        raise error

    found = broken(Exact(answer=("x",)), Response(text="x"))
    assert found.share is None
    assert found.reason.startswith(reason)
    assert (found.verifier, found.version) == ("broken", "7")


@pytest.mark.parametrize("share", [1.0001, -0.1, float("nan"), float("inf")])
def test_an_impossible_share_is_missing(share: float):
    @verifier("odd", version="1")
    def odd(spec: Exact, response: Response) -> Finding:
        return Finding(share)

    found = odd(Exact(answer=("x",)), Response(text="x"))
    assert found.share is None
    assert repr(share) in found.reason
