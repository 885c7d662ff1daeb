"""Evidence that executes: what came of running what a model wrote.

Two kinds (`domain/evidence.py`): *tests* run against a module and its mutants, *code* is called
with hidden arguments. Two modes: *strict* as it was written, *repaired* after small named repairs.

Who does what, so that no part has to be trusted by another:

    extraction.py   from the answer's text to one text of code, in each mode
    protocol.py     what a language's runner gets and gives (`SuiteJob` -> `SuiteRun`)
    python_*.py     the runner of Python (pytest); javascript*.py that of JavaScript
    kills.py        from runs of nameless versions to passes and kills: the only place that knows
                    which version is right
    evidence of one answer is a `domain.evidence_records.Evidence` in each mode
"""
