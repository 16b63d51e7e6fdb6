"""What a guard of a script is; `guards_of_the_rush` and `guards_of_the_keeper` have them all."""

from typing import NamedTuple


class Guard(NamedTuple):
    """A line that a script cannot do without. `instead` is what stands there when it is gone."""

    name: str
    protects: str
    verb: str
    line: str
    instead: str
