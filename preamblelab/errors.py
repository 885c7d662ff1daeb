"""The one exception tree: what stops the work, with the thing, the fault and the mend in one line.

PreamblelabError
├── SpecError (ValueError)        a YAML file, a name or an argument is wrong
├── TableError (ValueError)       a table lacks a column, or its values cannot be used
├── StoreError (OSError)          the SQLite file cannot be used: newer, damaged, locked, full
│   └── NoStoreError              there is none at the path, or what is there is none of ours
├── ProviderError (RuntimeError)  no trial can be asked: no key, no endpoint, no such provider
├── RegistryError (RuntimeError)  the registry says otherwise: the champion changed meanwhile
├── BudgetError (RuntimeError)    a limit is reached, or cannot be kept because a price is unknown
└── MissingExtraError (ImportError)  an optional package is not installed

Data that is bad is data, never an exception: a failed call is a `Response` with a status, a crashed
scorer a `Rating` without points.
"""


class PreamblelabError(Exception):
    """Base of all our errors; its text is one line that a user can act on."""

    exit_code: int = 1


class SpecError(PreamblelabError, ValueError):
    """A YAML file, a name or an argument is wrong."""


class TableError(PreamblelabError, ValueError):
    """A table lacks a column, or its values cannot be used."""


class StoreError(PreamblelabError, OSError):
    """The SQLite file cannot be used: newer, damaged, locked, full."""


class NoStoreError(StoreError):
    """There is no store at the path, or what is there is none of ours."""


class ProviderError(PreamblelabError, RuntimeError):
    """No trial can be asked at all: no key, no endpoint, an unknown provider."""


class RegistryError(PreamblelabError, RuntimeError):
    """The registry says otherwise: the champion changed meanwhile."""


class BudgetError(PreamblelabError, RuntimeError):
    """A limit is reached, or cannot be kept because a price is unknown."""


class MissingExtraError(PreamblelabError, ImportError):
    """An optional package is not installed; the message says how to install it."""
