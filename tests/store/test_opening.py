"""What is not a whole store of ours is refused in one line, and not a byte of it is changed."""

import os
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from preamblelab.domain.records import Response
from preamblelab.errors import StoreError
from preamblelab.store import Store, opening
from preamblelab.store.schema import APPLICATION_ID, MIGRATIONS

SCHEMAS = Path(__file__).parent / "schemas"


def refused(path: Path, *, read_only: bool = False) -> str:
    """The message with which the file is refused, after a look whether it was left alone."""
    before = contents(path.parent)
    with pytest.raises(StoreError) as error:
        Store(path, read_only=read_only)
    assert before == contents(path.parent), "a refused file, or one beside it, was changed"
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    return message


def contents(folder: Path) -> dict[str, bytes]:
    """All files by name; `-shm` is memory that SQLite's readers share, not data."""
    files = [file for file in folder.iterdir() if file.is_file() and file.suffix != ".db-shm"]
    return {file.name: file.read_bytes() for file in files if file.read_bytes()}


def filled(path: Path, made: SimpleNamespace, count: int = 30) -> bytes:
    with Store(path) as store:
        store.put([(made.request(n), Response(text="text " * 300)) for n in range(count)])
        made.register(store, count)
    return path.read_bytes()


def test_a_new_store_is_ours_and_of_the_newest_schema(path: Path) -> None:
    Store(path).close()
    with closing(sqlite3.connect(path)) as connection:
        found = [
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("application_id", "user_version", "journal_mode")
        ]
        applied = connection.execute("SELECT version, name FROM migrations").fetchall()
    assert found == [APPLICATION_ID, len(MIGRATIONS), "wal"]
    assert applied == [(n, each.__name__) for n, each in enumerate(MIGRATIONS, 1)]


def test_every_commit_reaches_the_disk(store: Store) -> None:
    with store._reading("look") as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_nothing_is_left_beside_a_closed_store(path: Path, made: SimpleNamespace) -> None:
    filled(path, made)
    assert [file.name for file in path.parent.iterdir()] == ["runs.db"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"model,score\n", "not a store"),
        (os.urandom(5000), "not a store"),
        (b"SQLite format 2\0" + bytes(5000), "not a store"),
        (b"SQL", "end of the store is missing"),
        (b"SQLite format 3\0" + bytes(50), "end of the store is missing"),
        (b"SQLite format 3\0" + bytes(5000), "another program"),
    ],
)
def test_garbage_is_refused(path: Path, content: bytes, words: str) -> None:
    path.write_bytes(content)
    assert words in refused(path)
    assert words in refused(path, read_only=True)


@pytest.mark.parametrize("application_id", [0, 0x12345678])
@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_another_programs_database_is_refused(path: Path, application_id: int, mode: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute(f"PRAGMA application_id = {application_id}")
        connection.execute("CREATE TABLE responses (key, text)")
    assert "another program" in refused(path)


def test_a_newer_store_is_refused(path: Path, made: SimpleNamespace) -> None:
    filled(path, made)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")
    assert "upgrade preamblelab" in refused(path)
    assert "schema 999" in refused(path, read_only=True)


def test_a_newer_store_is_refused_while_its_news_is_still_in_the_log(
    path: Path, made: SimpleNamespace
) -> None:
    filled(path, made)
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 999")
        assert path.read_bytes()[60:64] != (999).to_bytes(4, "big"), "the file does not say it yet"
        killed = path.parent / "killed"
        killed.mkdir()
        for name in ("runs.db", "runs.db-wal"):
            shutil.copy(path.parent / name, killed / name)
    assert "upgrade preamblelab" in refused(killed / "runs.db")
    assert "upgrade preamblelab" in refused(killed / "runs.db", read_only=True)


def test_a_file_cut_off_beside_a_log_is_refused_unless_the_log_makes_it_whole(
    path: Path, made: SimpleNamespace
) -> None:
    whole = filled(path, made)
    killed = path.parent / "killed"
    killed.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA wal_autocheckpoint = 0")
        other.execute("UPDATE texts SET text = text || '!' WHERE response_id = 1")
        shutil.copy(path.parent / "runs.db-wal", killed / "runs.db-wal")
        for length in (len(whole) - 1, len(whole) - 4096, len(whole) // 2, 4096, 100):
            (killed / "runs.db").write_bytes(whole[:length])
            assert "end of the store is missing" in refused(killed / "runs.db")
        (killed / "runs.db").write_bytes(whole)
        with Store(killed / "runs.db") as store:
            assert len(store.verify()) == 1, "the log was read"
        # A process that dies between writing page 1 and the last page leaves such a pair.
        other.execute("UPDATE texts SET text = text || '!'")
        other.execute("CREATE TABLE more AS SELECT * FROM responses")
        shutil.copy(path.parent / "runs.db-wal", killed / "runs.db-wal")
        pages = other.execute("PRAGMA page_count").fetchone()[0]
        (killed / "runs.db").write_bytes(whole[:28] + pages.to_bytes(4, "big") + whole[32:])
    with Store(killed / "runs.db") as store:
        assert len(store.answered(made.request(n).key for n in range(30))) == 30


def test_a_store_that_was_cut_off_is_refused_at_any_length(
    path: Path, made: SimpleNamespace
) -> None:
    whole = filled(path, made)
    draw = random.Random(4)
    lengths = {1, 15, 16, 99, 100, 101, 4095, 4096, 4097, len(whole) - 1, len(whole) - 4096}
    lengths |= set(draw.sample(range(1, len(whole)), 60))
    for length in sorted(lengths):
        path.write_bytes(whole[:length])
        assert "end of the store is missing" in refused(path), length
        assert "end of the store is missing" in refused(path, read_only=True), length
    path.write_bytes(whole)
    with Store(path) as store:
        assert store.verify() == []


def test_damage_is_one_line_or_found_by_verify(path: Path, made: SimpleNamespace) -> None:
    whole = filled(path, made)
    draw = random.Random(5)
    lines: list[str] = []
    for _ in range(40):
        place = draw.randrange(0, len(whole) - 64)
        path.write_bytes(whole[:place] + draw.randbytes(64) + whole[place + 64 :])
        try:
            with Store(path, read_only=True) as store:
                lines += store.verify()[:1]
                list(store.responses(made.request(n).key for n in range(30)))
        except StoreError as error:
            lines.append(str(error))
    assert len(lines) > 20, "most places of a small store hold something"
    assert not any("\n" in line for line in lines)


def test_an_empty_file_is_what_an_interrupted_creation_leaves(
    path: Path, made: SimpleNamespace
) -> None:
    path.touch()
    assert "empty" in refused(path, read_only=True)
    with Store(path) as store:
        store.put([made.answer()])


HOT_JOURNAL = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(12) + b"\0\0\2\0" + b"\0\0\x10\0"
"""Tells SQLite that the file had no pages before (https://sqlite.org/fileformat2.html, 3)."""


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_creation_that_was_killed_is_begun_anew(
    path: Path, made: SimpleNamespace, share: float
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        MIGRATIONS[0](connection)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    whole = path.read_bytes()
    for read_only in (True, False):
        path.write_bytes(whole[: 4096 + int(share * (len(whole) - 4096))])
        path.with_name("runs.db-journal").write_bytes(HOT_JOURNAL.ljust(512, b"\0"))
        if read_only:
            with pytest.raises(StoreError, match="the store is empty"):
                Store(path, read_only=True)
    with Store(path) as store:
        store.put([made.answer()])
        assert store.verify() == []


def test_a_journal_beside_another_programs_file_is_not_touched(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + bytes(5000))
    path.with_name("runs.db-journal").write_bytes(HOT_JOURNAL.ljust(512, b"\0"))
    assert "another program" in refused(path)


def test_places_where_no_store_can_be(tmp_path: Path) -> None:
    assert "folder does not exist" in refused_at(tmp_path / "missing" / "runs.db")
    assert "this is a folder" in refused_at(tmp_path)
    assert "a store is a file" in refused_at(Path(":memory:"))
    os.mkfifo(tmp_path / "pipe")
    assert "no ordinary file" in refused_at(tmp_path / "pipe")
    assert "no ordinary file" in refused_at(Path(os.devnull))
    (tmp_path / "file").write_text("x")
    assert "runs.db: cannot open the store: Not a directory" in refused_at(
        tmp_path / "file" / "runs.db"
    )
    assert "File name too long" in refused_at(tmp_path / ("x" * 300))


def refused_at(path: Path) -> str:
    with pytest.raises(StoreError) as error:
        Store(path)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_reading_makes_nothing(path: Path) -> None:
    assert "there is no store" in refused(path, read_only=True)
    assert not path.exists()


def test_reading_only_changes_nothing(path: Path, made: SimpleNamespace) -> None:
    filled(path, made, 3)
    with Store(path, read_only=True) as store:
        assert store.response(made.request(0).key) is not None
        with pytest.raises(StoreError, match="opened for reading only"):
            store.put([made.answer(9)])


def test_odd_file_names(tmp_path: Path, made: SimpleNamespace) -> None:
    for name in ("a b.db", "a?mode=ro#x%41.db", "übung.db", "a'b\"c.db"):
        with Store(tmp_path / name) as store:
            store.put([made.answer()])
        assert (tmp_path / name).stat().st_size > 4096


def test_a_relative_path(
    tmp_path: Path, made: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Store("runs.db") as store:
        store.put([made.answer()])
    assert (tmp_path / "runs.db").is_file()


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[Callable[[], Path]]:
    """A folder that can be made read-only for everybody, root included."""
    folder = tmp_path / "mount"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a file system takes root")

    def seal() -> Path:
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        return folder

    try:
        yield seal
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_read_only_medium_can_be_read_and_is_refused_for_writing(
    tmp_path: Path, made: SimpleNamespace, sealed: Callable[[], Path]
) -> None:
    filled(tmp_path / "mount" / "runs.db", made, 3)
    path = sealed() / "runs.db"
    with Store(path, read_only=True) as store:
        assert len(store.answered(made.request(n).key for n in range(3))) == 3
        with pytest.raises(StoreError, match="cannot lock the store"), store.lock("run"):
            pass
    assert "cannot be written" in refused(path)
    assert "cannot be opened" in refused_at(path.with_name("new.db"))


@pytest.mark.whole
def test_many_processes_make_one_store(path: Path, child: Any, made: SimpleNamespace) -> None:
    text = "import sys; from preamblelab.store import Store; Store(sys.argv[1]).close()"
    for process in [child(text, path) for _ in range(4)]:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    with Store(path) as store:
        assert store.verify() == []


def load(schema: Path, path: Path) -> None:
    """A store as an earlier version left it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(schema.read_text(encoding="utf-8"))


def shape(path: Path) -> set[str]:
    """All statements that make up the schema, blanks apart."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {" ".join(sql.split()) for (sql,) in rows}


def test_version_1_is_frozen(tmp_path: Path) -> None:
    """A released migration never changes: compare with what was recorded when it was released."""
    load(SCHEMAS / "v1.sql", tmp_path / "old.db")
    with closing(sqlite3.connect(tmp_path / "new.db", isolation_level=None)) as connection:
        MIGRATIONS[0](connection)
    assert shape(tmp_path / "new.db") == shape(tmp_path / "old.db")


@pytest.mark.parametrize("schema", sorted(SCHEMAS.glob("v*.sql")), ids=lambda path: path.stem)
def test_every_old_store_is_brought_up_to_date(
    schema: Path, tmp_path: Path, made: SimpleNamespace
) -> None:
    path = tmp_path / "runs.db"
    load(schema, path)
    with Store(path) as store:
        assert store.verify() == []
        texts = [response.text for _, response in store.responses(_keys(made))]
        assert texts == ["plain", "half \ud800", "nul \0"]
        assert store.failures([made.request(3).key]) == {made.request(3).key: (1, "rate: 429")}
        assert list(store.scores("recorded")["score"].fillna(-1)) == [100.0, 70.0, -1, -1]
        assert len(store.ratings("recorded")) == 1
        assert store.deliveries("recorded")[0].state == "undelivered"
    Store(tmp_path / "new.db").close()
    assert shape(path) == shape(tmp_path / "new.db")


def _keys(made: SimpleNamespace) -> list[str]:
    return [made.request(n).key for n in range(3)]


def test_the_recorded_store_of_the_newest_version_is_there() -> None:
    """Record one with `tests/store/schemas/record.py` before a new version is released."""
    assert (SCHEMAS / f"v{len(MIGRATIONS)}.sql").is_file()


def older(path: Path) -> None:
    """A store of ours from before version 1."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("CREATE TABLE notes (text)")
        connection.execute("INSERT INTO notes VALUES ('kept')")
        connection.commit()


def notes(path: Path) -> list[tuple[str]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT text FROM notes").fetchall()


def test_a_copy_is_kept_before_an_older_store_is_changed(path: Path, made: SimpleNamespace) -> None:
    older(path)
    before = path.read_bytes()
    (path.parent / "runs.db.v0.backup").write_text("somebody else's")
    with Store(path) as store:
        store.put([made.answer()])
    assert notes(path) == [("kept",)]
    assert (path.parent / "runs.db.v0.backup").read_text() == "somebody else's"
    copy = path.parent / "runs.db.v0.backup-2"
    assert copy.read_bytes()[100:] == before[100:]
    assert notes(copy) == [("kept",)]
    Store(path).close()
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "runs.db",
        "runs.db.v0.backup",
        "runs.db.v0.backup-2",
    ]


def test_an_older_store_is_not_changed_by_reading(path: Path) -> None:
    older(path)
    assert "open it once for writing" in refused(path, read_only=True)


def test_a_migration_that_fails_leaves_the_older_store(
    path: Path, made: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(path, made, 3)

    def mnext_broken(connection: sqlite3.Connection) -> None:
        connection.execute("ALTER TABLE responses ADD COLUMN mood TEXT")
        connection.execute("CREATE TABLE responses (key)")

    monkeypatch.setattr(opening, "MIGRATIONS", (*MIGRATIONS, mnext_broken))
    with pytest.raises(StoreError, match="responses already exists"):
        Store(path)
    monkeypatch.setattr(opening, "MIGRATIONS", MIGRATIONS)
    with Store(path) as store:
        assert len(store.answered(_keys(made))) == 3
        assert store.verify() == []


def test_each_migration_is_applied_once_and_recorded(
    path: Path, made: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(path, made, 3)
    calls = []

    def mnext_mood(connection: sqlite3.Connection) -> None:
        calls.append(3)
        connection.execute("ALTER TABLE responses ADD COLUMN mood TEXT")

    monkeypatch.setattr(opening, "MIGRATIONS", (*MIGRATIONS, mnext_mood))
    for _ in range(3):
        with Store(path) as store:
            assert len(store.answered(_keys(made))) == 3
    assert calls == [3]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM migrations").fetchall() == [
            *((each.__name__,) for each in MIGRATIONS),
            ("mnext_mood",),
        ]
    assert (path.parent / f"runs.db.v{len(MIGRATIONS)}.backup").is_file()
