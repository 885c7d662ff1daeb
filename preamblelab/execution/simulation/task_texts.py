"""What simulated models know about the tasks that ask for words: posters and a release note."""

from typing import Final

from preamblelab.execution.simulation.knowledge import Known, TextKnowledge

POSTERS: Final = Known(
    task="poster-reasoning",
    mark="Three machines print posters",
    knowledge=TextKnowledge(
        opening=(
            (
                "My approach is to count, for a given minute, how many posters each machine has "
                "finished, and to move that minute until the sum is 39."
            ),
            "First I work out when machine B is idle, since only B stops.",
        ),
        reasons=(
            "B needs care because it stops in the middle of a poster.",
            "I count from 08:00 in minutes so that the three machines can be compared.",
        ),
        lines=(
            "1. Before the stop B finishes 6 posters, the last at 08:36.",
            "2. At 08:40 B has already spent 4 minutes on its next poster, so 2 minutes are left.",
            "3. B goes on at 09:00 and finishes that poster at 09:02, then one every 6 minutes.",
            "4. By 09:20 machine A has finished 20 posters, one every 4 minutes.",
            (
                "5. By 09:20 machine B has finished 10 posters: 6 before the stop, then at "
                "09:02, 09:08, 09:14 and 09:20."
            ),
            "6. From C: 9 posters by 09:21, the ninth exactly then; 8 before it.",
            (
                "7. So 20 + 10 + 8 = 38 posters are finished at 09:20, and the next "
                "is C's ninth at 09:21."
            ),
        ),
        flaws={
            "at 09:02": "at 09:06",
            "machine A has finished 20": "machine A has finished 19",
            "so 2 minutes are left": "and starts it again afterwards",
        },
        last_check="As a check: at 09:21 the counts are 20, 10 and 9, together 39, and a minute "
        "earlier they were 38.",
        closing="Answer: 09:21",
        wrong_closings=("Answer: 09:16", "Answer: 09:24", "Answer: 09:20", "Answer: 09:18"),
    ),
)

RELEASE: Final = Known(
    task="release-note",
    mark="bird-watching app",
    knowledge=TextKnowledge(
        opening=(
            (
                "I chose the entries that users notice and left out internal work such as the "
                "refactor and the linter."
            ),
            "I ordered them as asked, from what is new to what is gone.",
        ),
        reasons=(
            "Internal changes are left out because users do not notice them.",
            "The order puts what is new first, so that a reader finds it at once.",
        ),
        lines=(
            "- Added: export your sightings as CSV (#412)",
            "- Changed: distances are shown in kilometres by default (#421)",
            "- Fixed: the app no longer crashes when the GPS permission is withdrawn (#420)",
            "- Fixed: names with apostrophes are no longer cut off (#425)",
            "- Removed: the old share button (#430)",
        ),
        flaws={
            "- Changed:": "- Updated:",
            " (#420)": "",
            "- Removed:": "- Deleted:",
            "(#412)": "#412",
            " (#425)": " (#452)",
        },
        closing="Upgrade needed: no",
        wrong_closings=("Upgrade recommended.", "No upgrade is needed.", "Enjoy the new version!"),
    ),
)
