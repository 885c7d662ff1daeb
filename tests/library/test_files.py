"""Reading a file below a folder: only regular text files, no way out, no way to hang."""

import os
import socket
from pathlib import Path

import pytest

from preamblelab.errors import SpecError
from preamblelab.library import load_experiment, load_preamble, load_suite
from preamblelab.library.files import MAX_BYTES, Place


def read(root: Path, *parts: str) -> str:
    return Place(root=root, parts=parts).read()


def test_bytes_become_one_kind_of_text(tmp_path: Path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n")
    assert read(tmp_path, "a.txt") == "one\ntwo\nthree\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\nb\x00c", ":2: a NUL byte"),
        (b"a\n\nb\xff", ":3: not UTF-8 text"),
        (b"\xed\xa0\x80", ":1: not UTF-8 text"),  # a surrogate, encoded
        ("a: 1".encode("utf-16"), ":1: this is UTF-16"),
    ],
)
def test_what_is_no_text_is_refused_with_its_line(tmp_path: Path, content: bytes, message: str):
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(SpecError) as caught:
        read(tmp_path, "a.txt")
    assert message in str(caught.value)


def test_a_file_of_one_megabyte_passes_and_one_byte_more_does_not(tmp_path: Path):
    (tmp_path / "a.txt").write_bytes(b"x" * MAX_BYTES)
    assert len(read(tmp_path, "a.txt")) == MAX_BYTES
    (tmp_path / "a.txt").write_bytes(b"x" * (MAX_BYTES + 1))
    with pytest.raises(SpecError, match="larger than 1,000,000 bytes"):
        read(tmp_path, "a.txt")


def test_a_file_of_five_gigabytes_is_refused_unread(tmp_path: Path):
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(5_000_000_000)  # sparse: takes no room
    with pytest.raises(SpecError, match="larger than"):
        read(tmp_path, "a.txt")


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        # The path of a socket is short by law: bind it from inside the folder.
        here = Path.cwd()
        os.chdir(tmp_path)
        server.bind("socket")
        os.chdir(here)
        for name in ("fifo", "folder"):
            with pytest.raises(SpecError, match="not a regular file"):
                read(tmp_path, name)
        with pytest.raises(SpecError, match="cannot be read"):
            read(tmp_path, "socket")
    with pytest.raises(SpecError, match="not a regular file"):
        read(Path("/dev"), "zero")


def test_links_are_not_followed(tmp_path: Path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("secret")
    root = tmp_path / "root"
    (root / "inner").mkdir(parents=True)
    (root / "inner" / "plain.txt").write_text("plain")
    (root / "file.txt").symlink_to(tmp_path / "outside" / "secret.txt")
    (root / "folder").symlink_to(tmp_path / "outside")
    (root / "loop").symlink_to(root / "loop")
    (root / "inside.txt").symlink_to(root / "inner" / "plain.txt")
    assert read(root, "inner", "plain.txt") == "plain"
    for parts in (("file.txt",), ("folder", "secret.txt"), ("loop",), ("inside.txt",)):
        with pytest.raises(SpecError, match="is a symbolic link"):
            read(root, *parts)


def test_a_link_that_comes_between_check_and_open_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "root").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    target = tmp_path / "root" / "a.txt"
    target.write_text("plain")
    real_open = os.open

    def swapping_open(path: object, *args: object, **keywords: object) -> int:
        if path == "a.txt" and not target.is_symlink():
            target.unlink()
            target.symlink_to(tmp_path / "secret.txt")
        return real_open(path, *args, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", swapping_open)
    with pytest.raises(SpecError, match="symbolic link"):
        read(tmp_path / "root", "a.txt")


def test_where_folders_cannot_be_walked_links_are_seen_another_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("preamblelab.library.files._CAN_WALK", False)
    (tmp_path / "plain.txt").write_text("plain")
    (tmp_path / "link.txt").symlink_to("/etc/hostname")
    assert read(tmp_path, "plain.txt") == "plain"
    with pytest.raises(SpecError, match="symbolic link"):
        read(tmp_path, "link.txt")


BAD_PATHS = [
    "../../etc/passwd",
    "/etc/passwd",
    "a/../../b",
    "..\\secret",
    "~/secret",
    "~root/x",
    "C:/secret",
    "",
    ".",
]


@pytest.mark.parametrize("relative", BAD_PATHS)
def test_a_path_that_leads_up_or_away_is_refused(tmp_path: Path, relative: str):
    with pytest.raises(SpecError, match="is not a path below this file's folder"):
        Place(root=tmp_path, parts=("suites", "a.yaml")).beside(relative)


@pytest.mark.parametrize("relative", ["%2e%2e/secret", "x" * 300, "a\0b"])
def test_odd_paths_are_only_names_of_files_that_are_not_there(tmp_path: Path, relative: str):
    with pytest.raises(SpecError, match=r"no such file|cannot be read|not a path"):
        Place(root=tmp_path, parts=("a.yaml",)).beside(relative).read()


def test_a_project_that_links_its_preambles_elsewhere_is_refused(project: Path, tmp_path: Path):
    outside = tmp_path / "outside.yaml"
    outside.write_text("text: secret")
    (project / "preambles" / "careful.yaml").unlink()
    (project / "preambles" / "careful.yaml").symlink_to(outside)
    with pytest.raises(SpecError, match=r"careful.yaml.*symbolic link"):
        load_experiment(project / "experiments/plan.yaml")
    with pytest.raises(SpecError, match="symbolic link"):
        load_preamble(project / "preambles" / "careful.yaml")


def test_a_link_that_the_user_names_outside_any_project_is_the_users_word(tmp_path: Path):
    (tmp_path / "real.md").write_text("Think first.")
    (tmp_path / "link.md").symlink_to(tmp_path / "real.md")
    assert load_preamble(tmp_path / "link.md").text == "Think first."


def test_a_file_of_a_task_cannot_leave_the_suite(project: Path):
    suite = project / "experiments/suites/smoke.yaml"
    suite.write_text(suite.read_text().replace("files/user.js", "../../../secret"))
    with pytest.raises(SpecError, match=r"smoke.yaml:5: files.user.js: '../../../secret' is not"):
        load_experiment(project / "experiments/plan.yaml")


@pytest.mark.parametrize(
    ("replaced", "times"), [("nowhere", 0), ("w", 2)], ids=["not there", "there twice"]
)
def test_a_mutant_that_does_not_fit_is_named_with_its_own_line(
    tmp_path: Path, replaced: str, times: int
):
    module = "def fee(w):\n    return 5 if w else 9\n"
    written = (
        "name: own\ndescription: d\ntasks:\n"
        "  - name: fees\n    prompt: Write tests.\n    files:\n"
        "      fee.py: |\n        " + module.replace("\n", "\n        ").rstrip() + "\n"
        "    evidence:\n      tests:\n        language: python\n        module: fee.py\n"
        "        mutants:\n"
        "          - {name: first, kind: value, replace: '9', by: '8'}\n"
        f"          - {{name: fees, kind: value, replace: '{replaced}', by: '1'}}\n"
    )
    (tmp_path / "own.yaml").write_text(written)
    with pytest.raises(
        SpecError, match=rf"own.yaml:16: .*mutant 'fees'.*stands there {times} times"
    ):
        load_suite(str(tmp_path / "own.yaml"))
