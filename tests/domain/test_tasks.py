"""What a task sends, and which tasks and suites are none."""

import pytest
from pydantic import ValidationError

from preamblelab.domain.tasks import Message, Suite, Task


def test_a_prompt_is_one_user_turn():
    assert Task(name="t", prompt="Do it.\n").turns() == [{"role": "user", "content": "Do it."}]


def test_files_follow_the_last_turn_each_in_a_fence_under_its_name():
    task = Task(name="t", prompt="Read.", files={"b.js": "let b;\n", "a.js": "let a;"})
    (turn,) = task.turns()
    assert turn["content"] == "Read.\n\nb.js:\n```\nlet b;\n```\n\na.js:\n```\nlet a;\n```"


def test_several_turns_end_with_the_user():
    turns = (
        Message(role="user", content="Hello."),
        Message(role="assistant", content="Yes?"),
        Message(role="user", content="Solve it."),
    )
    task = Task(name="t", messages=turns, files={"a": "x"})
    assert [turn["role"] for turn in task.turns()] == ["user", "assistant", "user"]
    assert task.turns()[-1]["content"].startswith("Solve it.\n\na:")
    assert task.turns()[0]["content"] == "Hello."
    assert turns[-1].content == "Solve it.", "the task itself stays as it is"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "either prompt or messages"),
        ({"prompt": " \n"}, "prompt is empty"),
        ({"prompt": "x", "messages": [{"role": "user", "content": "y"}]}, "either prompt"),
        ({"messages": [{"role": "assistant", "content": "y"}]}, "is the user's"),
        ({"messages": [{"role": "system", "content": "y"}]}, "'user' or 'assistant'"),
        ({"prompt": "x", "max_tokens": 0}, "greater than or equal to 1"),
        ({"prompt": "x", "expect": {"tests": -1}}, "greater than or equal to 0"),
        ({"prompt": "x", "weigth": 2}, "Extra inputs"),
    ],
)
def test_a_task_that_makes_no_sense_is_refused(fields, words):
    with pytest.raises(ValidationError, match=words):
        Task(name="t", **fields)


def test_the_address_is_that_of_content_not_of_the_name():
    one = Task(name="t", prompt="x", category="a")
    assert one.digest == one.model_copy(update={"name": "u"}).digest
    changed = [{"prompt": "y"}, {"category": "b"}, {"max_tokens": 5}, {"files": {"a": "b"}}]
    digests = {one.model_copy(update=change).digest for change in changed}
    assert len(digests | {one.digest}) == 5


def test_a_suite_has_tasks_each_under_its_own_name():
    task = Task(name="t", prompt="x")
    with pytest.raises(ValidationError, match="two tasks are called 't'"):
        Suite(name="s", tasks=(task, task))
    with pytest.raises(ValidationError):
        Suite(name="s", tasks=())
