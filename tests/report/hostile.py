"""Answers that attack whoever shows them: markup, scripts, escape sequences, formulas, marks."""

import json
from pathlib import Path

from preamblelab.lab.exchange.importing import import_file
from preamblelab.store import Store

SCRIPT = "</td></table></svg><script>window.hit=1;document.title='hit'</script>"
IMAGE = "<img src=x onerror=\"window.hit=1\"><iframe src='https://example.invalid/a'></iframe>"
STYLE = "</style><link rel=stylesheet href=https://example.invalid/b><style>body{display:none}"
LINK = "[a](javascript:alert(1)) ![b](https://example.invalid/c) <svg onload=alert(1)>"
ANSI = "\x1b[2J\x1b]0;hit\x07\x1b]52;c;aGl0\x07\x9b31m\r\b\x00"
FORMULA = '=HYPERLINK("https://example.invalid/d","hit")'
MARKS = "\u202eesrever\u202c\u2066\u061c\u200b\ufeff\U000e0041"
TEMPLATE = "{{7*7}} ${7*7} {% raw %} ]]> --> <!-- %s \\"
EVERY = f"{SCRIPT}\n{IMAGE}\n{STYLE}\n{LINK}\n{ANSI}\n{FORMULA}\n{MARKS}\n{TEMPLATE}"


def hostile_store(path: Path) -> Path:
    """A store in which every foreign text attacks: names, prompts, answers, reasons, quotes."""
    rows = []
    for model in (f"m{SCRIPT}", FORMULA):
        for task in ("t1", "t2", "t3"):
            for variant, score in (("old", 40), ("better", 60)):
                reason = f"{IMAGE}{ANSI}" if variant == "better" else ""
                rating = {
                    "scorer": "imported/judge", "dimension": "all", "points": score,
                    "status": "ok", "evidence": [EVERY], "judgement": 1,
                }  # fmt: skip
                rows.append(
                    {
                        "experiment": "hostile",
                        "question": f"Is it safe? {EVERY}",
                        "baseline": "old",
                        "model": model,
                        "variant": variant,
                        "task": task,
                        "system": f"{variant} {EVERY}",
                        "prompt": f"{task} {EVERY}",
                        "response": f"{variant} {task} {EVERY}",
                        "reasoning": EVERY,
                        "status": "ok" if not reason else "truncated",
                        "reason": reason,
                        "served_model": SCRIPT,
                        "finish": IMAGE,
                        "seconds": 2.0 + score,
                        "scores": {"all": score},
                        "maxima": {"all": 100},
                        "ratings": [rating],
                    }
                )
    file = path.with_suffix(".jsonl")
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    with Store(path) as store:
        import_file(file, store)
    return path
