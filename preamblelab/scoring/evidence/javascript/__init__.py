"""Runs JavaScript tests with Jest's assertions, one process for all versions of a module.

    run_tests.mjs    in the sandbox: hears what to run, says what came of it, under a nonce
    context/         in every context: what Jest gives to a test file
    sources.mjs      ES modules as functions, hollow modules, counted lines
    repairs.mjs      small named repairs of a test file
    facts.mjs        what the text of a test shows
    bundle/          Jest's packages and acorn, made by scripts/javascript/build.mjs
    talk.py          our side of the conversation; runner.py the `SuiteRunner`

Why it is built so: design/evidence-javascript.md.
"""

from preamblelab.scoring.evidence.javascript.runner import JavaScriptTests

__all__ = ["JavaScriptTests"]
