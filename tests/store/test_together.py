"""Several writes as one transaction: all of it, or nothing."""

import pytest

from preamblelab.errors import SpecError
from preamblelab.store import Store


def register(store: Store, name: str) -> None:
    store.register(name, digest="d", document={"question": ""}, trials=[], plan_digest="p")


def test_what_is_stored_together_is_there_together(tmp_path):
    with Store(tmp_path / "s.db") as store:
        with store.together("import two"):
            register(store, "one")
            register(store, "two")
        assert [entry.name for entry in store.experiments()] == ["one", "two"]


def test_an_error_undoes_all_of_it_and_the_store_goes_on(tmp_path):
    with Store(tmp_path / "s.db") as store:
        with pytest.raises(SpecError):  # noqa: PT012, SIM117 - the block is what is undone
            with store.together("import two"):
                register(store, "one")
                store.document("absent")
        assert store.experiments() == []
        register(store, "later")
        assert [entry.name for entry in store.experiments()] == ["later"]


def test_a_reader_sees_nothing_of_it_before_its_end(tmp_path):
    path = tmp_path / "s.db"
    with Store(path) as store, Store(path, read_only=True) as reader:
        with store.together("import one"):
            register(store, "one")
            assert reader.experiments() == []
        assert len(reader.experiments()) == 1
