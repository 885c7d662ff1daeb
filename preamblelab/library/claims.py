"""Files of published sentences."""

from preamblelab.domain.claims import ClaimsSpec
from preamblelab.library.files import Place
from preamblelab.library.fitting import fit
from preamblelab.library.nodes import Node
from preamblelab.library.strict_yaml import parse_fields


def read_claims(place: Place) -> tuple[Node, ClaimsSpec]:
    """The sentences of a file, and the tree they were read from.

    Raises:
        SpecError: there is no such file, or it is wrong; the message names the line.
    """
    root = parse_fields(place.read(), place.shown)
    return root, fit(ClaimsSpec, root, place.shown)
