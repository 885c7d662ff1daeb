"""JUnit documents: counted right, and whole whatever a text holds."""

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from preamblelab.report.junit import Case, Suite, junit


def test_each_outcome_is_counted_and_says_why() -> None:
    cases = [
        Case(name="a", group="m", seconds=1.5),
        Case(name="b", group="m", outcome="failure", kind="worse", message="−4", details="more"),
        Case(name="c", group="m", outcome="error", message="not delivered"),
        Case(name="d", group="n", outcome="skipped", message="undecided", properties=[("n", "5")]),
    ]
    root = ET.fromstring(junit([Suite(name="s", cases=cases, properties=[("seed", "7")])]))
    (suite,) = root
    for place in (root, suite):
        counts = [place.get(name) for name in ("tests", "failures", "errors", "skipped", "time")]
        assert counts == ["4", "1", "1", "1", "1.500"]
    assert suite.find("properties/property").attrib == {"name": "seed", "value": "7"}
    failed = suite.find("testcase[@name='b']/failure")
    assert (failed.attrib, failed.text) == ({"message": "−4", "type": "worse"}, "more")
    assert suite.find("testcase[@name='a']").attrib["classname"] == "m"
    assert len(suite.find("testcase[@name='a']")) == 0
    assert suite.find("testcase[@name='d']/properties/property").get("value") == "5"


@given(st.text(st.characters()), st.sampled_from(["passed", "failure", "skipped"]))
def test_any_text_gives_a_document_that_can_be_read(text: str, outcome: str) -> None:
    case = Case(name=text, group=text, message=text, details=text, outcome=outcome)
    root = ET.fromstring(junit([Suite(name=text, cases=[case])]).encode("utf-8"))
    shown = root.find("testsuite/testcase").get("name")
    if text.isascii() and text.isprintable():
        assert shown == text
