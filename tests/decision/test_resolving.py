"""What a policy says for a model: the ladder, and when it abstains."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from preamblelab.decision.resolving import Resolution, resolve, same_model
from preamblelab.domain.base import text_digest
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.naming import describe_id
from preamblelab.domain.policies import Entry, PolicySpec, PolicyText, text_id
from preamblelab.errors import SpecError

DAY = date(2026, 11, 28)


def text(label: str, words: str) -> PolicyText:
    return PolicyText(label=label, digest=text_digest(words), text=words, lineage=label)


LONG, SHORT = text("careful", "Think of every edge case first."), text("short", "Be exact.")
EVIDENCE = {
    "effect": 8.0, "low": 4.0, "high": 12.0, "tasks": 35, "models": 4, "families": 3,
    "categories": ["coding", "reasoning"],
}  # fmt: skip


def entry(use: PolicyText | None = None, said: str = "", **fields: Any) -> dict[str, Any]:
    says = said or ("promote" if use else "keep")
    return {
        "use": use.id if use else "none", "said": says, "reason": f"{says} it", "decided": DAY,
        "expires": date(2027, 5, 27),
        **({"evidence": EVIDENCE} if says == "promote" else {}), **fields,
    }  # fmt: skip


def policy(*entries: dict[str, Any], **fields: Any) -> PolicySpec:
    kept = {each.id: each for each in (LONG, SHORT)}
    return PolicySpec.model_validate(
        {"written": DAY, "entries": entries, "preambles": kept, **fields}
    )


LADDER = policy(
    entry(LONG, size="mid"),
    entry(SHORT, size="mid", task="coding"),
    entry(None, family="gemma", said="harm"),
    entry(None, said="harm", model="ollama_chat/granite3.3:8b"),
    entry(SHORT, size="large", tier="low"),
)


def ask(spec: PolicySpec, model: str | ModelSpec, **more: Any) -> Resolution:
    facts = model.facts() if isinstance(model, ModelSpec) else describe_id(model)
    return resolve(spec, facts, **{"on": DAY, **more})


def test_the_ladder_goes_from_the_exact_model_to_its_family_to_its_size_to_none() -> None:
    exact = ask(LADDER, "ollama_chat/granite3.3:8b")
    family = ask(LADDER, "ollama_chat/gemma3:4b")
    size = ask(LADDER, "ollama_chat/qwen2.5-coder:7b")
    none = ask(LADDER, "ollama_chat/llama3.2:1b")
    assert [r.rung for r in (exact, family, size, none)] == ["model", "family", "size", "none"]
    assert [r.text for r in (exact, family, none)] == [None, None, None]
    assert (size.text, size.label, size.id) == (LONG.text, "careful", LONG.id)
    assert size.evidence is not None
    assert "7.62B total parameters" in size.reason
    assert [r.abstained for r in (exact, family, size, none)] == [False, False, False, True]
    assert "nothing was decided for tiny" in none.reason


def test_a_task_family_has_its_own_entry_and_one_that_was_never_tested_gets_none() -> None:
    assert ask(LADDER, "ollama_chat/qwen3:8b", task="coding").text == SHORT.text
    assert ask(LADDER, "ollama_chat/qwen3:8b", task="reasoning").text == LONG.text
    poems = ask(LADDER, "ollama_chat/qwen3:8b", task="poems")
    assert poems.abstained
    assert "no task of the family 'poems' was tested; tested: coding, reasoning" in poems.reason


def test_none_is_decided_for_the_families_that_were_tested_and_an_exception_for_all() -> None:
    """Exit code 11, so that a pipeline measures what nobody has measured yet."""
    kept = policy(
        entry(None, size="mid", evidence=EVIDENCE | {"effect": 1.0, "low": -2.0}),
        entry(None, family="gemma", said="harm"),
        entry(None, size="large", said="stated"),
    )
    assert not ask(kept, "ollama_chat/qwen3:8b").abstained
    assert not ask(kept, "ollama_chat/qwen3:8b", task="coding").abstained
    poems = ask(kept, "ollama_chat/qwen3:8b", task="poems")
    assert poems.abstained
    assert "no task of the family 'poems' was tested; tested: coding, reasoning" in poems.reason
    assert not ask(kept, "ollama_chat/gemma3:4b", task="poems").abstained
    assert not ask(kept, "ollama_chat/qwen3:32b", task="poems").abstained


def test_a_tier_speaks_only_where_the_models_own_baseline_is_known() -> None:
    assert ask(LADDER, "ollama_chat/qwen3:32b", tier="low").text == SHORT.text
    assert ask(LADDER, "ollama_chat/qwen3:32b").abstained
    assert ask(LADDER, "ollama_chat/qwen3:32b", tier="high").abstained


def test_an_unknown_size_gets_none_unless_it_is_stated_or_assumed() -> None:
    hosted = ask(LADDER, "openai/gpt-4.1")
    assert hosted.abstained
    assert "nobody published" in hosted.reason
    assumed = ask(LADDER, "openai/gpt-4.1", assume="mid")
    assert assumed.text == LONG.text
    assert "mid is assumed" in assumed.reason
    stated = ask(LADDER, ModelSpec(id="openai/gpt-4.1", parameters="8B"))
    assert "8B total parameters as stated" in stated.reason
    assert ask(LADDER, ModelSpec(id="openai/gpt-4.1", size="mid")).text == LONG.text
    with pytest.raises(SpecError, match="give tiny, mid or large"):
        ask(LADDER, "openai/gpt-4.1", assume="unknown")


def test_a_moving_tag_has_no_size_whatever_it_stands_for_today() -> None:
    moving = ask(LADDER, "ollama_chat/qwen3:latest")
    assert moving.abstained
    assert "its tag moves" in moving.reason
    assert ask(LADDER, "ollama_chat/qwen3:latest", assume="mid").text == LONG.text


def test_a_mixture_of_experts_is_classed_by_all_parameters_or_by_the_active_ones() -> None:
    by_total = ask(LADDER, "ollama_chat/qwen3:30b-a3b")
    assert by_total.size == "large"
    assert "its 3.35B active ones would be mid" in by_total.reason
    by_active = ask(policy(entry(LONG, size="mid"), size_by="active"), "ollama_chat/qwen3:30b-a3b")
    assert by_active.text == LONG.text


def test_a_preamble_expires_and_an_exception_does_not() -> None:
    late = date(2027, 5, 27)
    gone = ask(LADDER, "ollama_chat/qwen3:8b", on=late)
    assert gone.abstained
    assert "expired on 2027-05-27" in gone.reason
    # The class's preamble must not come back to a model that it hurts.
    assert not ask(LADDER, "ollama_chat/granite3.3:8b", on=late).abstained


def test_weak_evidence_is_not_used_and_a_wider_entry_is_not_asked_instead() -> None:
    weak = policy(
        entry(LONG, size="mid"),
        entry(SHORT, size="mid", task="coding", evidence={**EVIDENCE, "low": -0.1}),
    )
    found = ask(weak, "ollama_chat/qwen3:8b", task="coding")
    assert found.abstained
    assert "the evidence is weak: +8.0 points, -0.1 to +12.0" in found.reason


def test_an_open_decision_abstains_and_a_decided_none_does_not() -> None:
    opened = policy(entry(None, said="inconclusive", size="mid"))
    assert ask(opened, "ollama_chat/qwen3:8b").abstained
    assert not ask(policy(entry(None, size="mid")), "ollama_chat/qwen3:8b").abstained


def test_somebodys_word_is_used_and_says_that_it_is_one() -> None:
    spoken = policy(entry(SHORT, said="stated", family="qwen", reason="it worked on my desk"))
    found = ask(spoken, "groq/qwen3-32b")
    assert (found.text, found.rung, found.evidence) == (SHORT.text, "family", None)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("qwen2.5-coder:7b", "ollama_chat/qwen2.5-coder:7b", True),
        ("ollama/qwen3:8b", "ollama_chat/Qwen3:8b", True),
        ("groq/llama-3.1-8b", "ollama_chat/llama-3.1-8b", False),
        ("openrouter/qwen/qwen3-8b", "qwen3-8b", True),
        ("qwen3:8b", "qwen3:8b-q4", False),
    ],
)
def test_ids_are_one_model_without_regard_to_a_provider_left_out(
    one: str, other: str, same: bool
) -> None:
    assert same_model(one, other) is same
    assert same_model(other, one) is same


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "names none of them"),
        ({"model": "m", "size": "mid"}, "names no family, size or tier"),
        ({"family": "qwen", "tier": "low"}, "needs the size class"),
        ({"size": "unknown"}, "no size class"),
        ({"size": "mid", "expires": DAY}, "not after it was decided"),
        ({"size": "mid", "said": "promote"}, "needs a preamble and its evidence"),
        ({"size": "mid", "said": "harm", "use": "x@1"}, "use: none"),
    ],
)
def test_entries_that_make_no_sense_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Entry.model_validate(entry() | fields)


def test_a_policy_with_a_changed_text_a_lost_text_or_two_entries_for_one_slot_is_refused() -> None:
    with pytest.raises(ValidationError, match="two entries for mid/any; keep one"):
        policy(entry(LONG, size="mid"), entry(None, size="mid"))
    with pytest.raises(ValidationError, match="two entries for model"):
        policy(entry(None, model="m/A"), entry(None, model="m/a"))
    with pytest.raises(ValidationError, match="no preamble 'lost@1'"):
        policy(entry(None, size="mid", said="stated") | {"use": "lost@1"})
    changed = LONG.model_copy(update={"text": "Think of something."})
    with pytest.raises(ValidationError, match="is not the one that was measured"):
        PolicySpec(written=DAY, preambles={LONG.id: changed})
    with pytest.raises(ValidationError, match="other bounds"):
        PolicySpec(written=DAY, tiny_below_b=4.0)


def test_the_id_of_a_text_changes_with_its_words() -> None:
    assert text_id("careful", "a") != text_id("careful", "b")
