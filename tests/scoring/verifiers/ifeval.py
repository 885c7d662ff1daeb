"""IFEval's instructions in our words: each is one constraint, or two of which both must hold."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from preamblelab.domain.constraints import Constraint

CONSTRAINT: TypeAdapter[Constraint] = TypeAdapter(Constraint)


def _relation(relation: str, count: int) -> dict[str, int]:
    """IFEval's `less than` excludes the number itself."""
    return {"at_least": count} if relation == "at least" else {"at_most": count - 1}


def constraints_of(instruction: str, given: Mapping[str, Any]) -> list[Constraint]:
    """What an instruction with its arguments asks for."""
    match instruction.split(":")[1]:
        case "number_words":
            short: Any = {"words": _relation(given["relation"], given["num_words"])}
        case "number_sentences":
            short = {"sentences": _relation(given["relation"], given["num_sentences"])}
        case "capital_word_frequency":
            bound = _relation(given["capital_relation"], given["capital_frequency"])
            short = {"capital_words": bound}
        case "number_placeholders":
            short = {"placeholders": {"at_least": given["num_placeholders"]}}
        case "number_bullet_lists":
            short = {"bullets": given["num_bullets"]}
        case "number_highlighted_sections":
            short = {"highlights": {"at_least": given["num_highlights"]}}
        case "multiple_sections":
            bound = {"at_least": given["num_sections"]}
            short = {"sections": {"marker": given["section_spliter"].strip(), **bound}}
        case "number_paragraphs":
            short = {"paragraphs": {"separator": "***", "exactly": given["num_paragraphs"]}}
        case "nth_paragraph_first_word":
            place = {"paragraph": given["nth_paragraph"], "of": given["num_paragraphs"]}
            short = {"paragraph_start": {"word": given["first_word"], **place}}
        case "existence":
            short = {"keywords": given["keywords"]}
        case "forbidden_words":
            short = {"forbidden_words": given["forbidden_words"]}
        case "frequency":
            bound = _relation(given["relation"], given["frequency"])
            short = {"keyword": {"word": given["keyword"].strip(), **bound}}
        case "letter_frequency":
            bound = _relation(given["let_relation"], given["let_frequency"])
            short = {"letter": {"character": given["letter"].strip().lower(), **bound}}
        case "response_language":
            return [CONSTRAINT.validate_python({"language": _code(given["language"])})]
        case "english_capital":
            return [CONSTRAINT.validate_python(each) for each in ("upper_case", {"language": "en"})]
        case "english_lowercase":
            return [CONSTRAINT.validate_python(each) for each in ("lower_case", {"language": "en"})]
        case "constrained_response":
            options = ["My answer is yes.", "My answer is no.", "My answer is maybe."]
            short = {"one_of": options}
        case "repeat_prompt":
            short = {"starts_with": given["prompt_to_repeat"]}
        case "two_responses":
            short = {"parts": 2}
        case "postscript":
            short = {"postscript": given["postscript_marker"]}
        case "end_checker":
            short = {"ends_with": given["end_phrase"]}
        case "title":
            short = "title"
        case "quotation":
            short = "quoted"
        case "json_format":
            short = "json_only"
        case "no_comma":
            short = "no_commas"
        case unknown:
            raise KeyError(unknown)
    return [CONSTRAINT.validate_python(short)]


def _code(code: str) -> str:
    return {"zh": "zh-cn"}.get(code, code)
