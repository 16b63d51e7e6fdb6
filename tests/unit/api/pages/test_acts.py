"""Goal: every act that the trail may hold has a name that people read. Method: find the codes in the sources."""

import re
from pathlib import Path

from ticketing.api.pages.acts import ACTS, act_text, actor_text

SERVICES = Path(__file__).parents[4] / "ticketing" / "services"
KINDS = {code.partition(".")[0] for code in ACTS}
OF_VERBS = {f"event.{verb}" for verb in ("publish", "pause", "resume", "close", "cancel")}
"""Written as `event.{verb}`, as the looks are."""
GIVEN = re.compile(r'trail\.record\([^"]*?,\s*"([a-z_]+\.[a-z_]+)"')
"""What is given to the trail as it stands, of whatever kind: one that no other act has yet is seen too."""


def recorded() -> set[str]:
    """What stands in the services in the shape of an act."""
    texts = "".join(path.read_text() for path in SERVICES.glob("*.py"))
    found = re.findall(rf'"((?:{"|".join(sorted(KINDS))})\.[a-z_]+)"', texts)
    return set(found) | set(GIVEN.findall(texts)) | OF_VERBS


def test_every_act_has_a_name() -> None:
    acts = recorded()
    assert len(acts) > 30
    assert acts - set(ACTS) == set()


def test_an_act_without_a_name_and_an_actor_are_said_all_the_same() -> None:
    assert act_text("thing.done") == "thing.done"
    said = [actor_text(actor, str.upper) for actor in ("staff:manager", "member:7", "system")]
    assert said == ["manager", "A MEMBER", "THE SYSTEM"]
