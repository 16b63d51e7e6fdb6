"""Goal: only who may change an event or an organisation sets how its pages look, and what they set is what is read.

Method: the service over both databases, with staff of several places in the tree.
"""

import io

import pytest
from PIL import Image

from tests.support.office import Office, claims
from ticketing.catalogue.looks import Looks
from ticketing.errors import Code, Refusal
from ticketing.services.looks import LookService


@pytest.fixture
def looks(office: Office) -> LookService:
    return LookService(office.sessions, office.clock)


def _picture(colour: str) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (800, 450), colour).save(target, "PNG")
    return target.getvalue()


def test_an_event_gets_a_picture_and_a_colour_and_loses_them(office: Office, looks: LookService) -> None:
    event = office.catalogue.create_event(office.street, office.draft(5))
    assert looks.of_event(office.street, event) == Looks()
    first = looks.set_event(office.street, event, "teal", _picture("red"), bare=False)
    kept = looks.set_event(office.street, event, "blue", None, bare=False)
    assert (kept.colour, kept.picture) == ("blue", first.picture)
    again = looks.set_event(office.street, event, "blue", _picture("red"), bare=False)
    assert again.picture == first.picture  # the same content is the same picture
    assert first.picture is not None
    for size, kind in (("small", "WEBP"), ("large", "JPEG")):
        content = looks.picture(first.picture, size)
        assert content is not None
        assert Image.open(io.BytesIO(content)).format == kind
    assert looks.picture("unknown", "small") is None
    assert looks.set_event(office.street, event, "", None, bare=True) == Looks()
    assert looks.all()[0] == {f"event:{event}": Looks()}


def test_an_organisation_gets_a_name_a_colour_and_a_picture(office: Office, looks: LookService) -> None:
    first = looks.set_organisation(office.street, "", "teal", _picture("red"))
    assert first.picture is not None
    assert looks.picture(first.picture, "large") is not None
    kept = looks.set_organisation(office.street, "街道", "teal")
    assert kept == Looks("街道", "teal", first.picture)
    looks.set_organisation(office.street, " 一街道工会 ", "green", bare=True)
    assert looks.of_organisation(office.street) == Looks("一街道工会", "green")
    everything, roots = looks.all()
    assert everything == {"organisation:street-1": Looks("一街道工会", "green")}
    assert roots == ["district"]


def test_every_change_is_in_the_trail(office: Office, looks: LookService) -> None:
    event = office.catalogue.create_event(office.street, office.draft(5))
    looks.set_event(office.street, event, "teal", None, bare=False)
    assert office.story()[-1] == ("event.look", f"event:{event}")


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (claims("district.street-10"), Code.NOT_FOUND),
        (claims("district.street-1", role="clerk"), Code.FORBIDDEN),
        (claims("district.street-1", role="auditor"), Code.FORBIDDEN),
    ],
)
def test_others_change_nothing(office: Office, looks: LookService, who: object, code: Code) -> None:
    event = office.catalogue.create_event(office.street, office.draft(5))
    with pytest.raises(Refusal) as refused:
        looks.set_event(who, event, "teal", None, bare=False)  # type: ignore[arg-type]
    assert refused.value.code is code
    assert looks.all()[0] == {}


@pytest.mark.parametrize(
    ("colour", "upload", "field"),
    [("pink", None, "colour"), ("", b"text", "picture"), ("red", b"GIF89a", "picture")],
)
def test_what_is_wrong_is_named(
    office: Office, looks: LookService, colour: str, upload: bytes | None, field: str
) -> None:
    event = office.catalogue.create_event(office.street, office.draft(5))
    with pytest.raises(Refusal) as refused:
        looks.set_event(office.street, event, colour, upload, bare=False)
    assert [error["field"] for error in refused.value.facts["errors"]] == [field]
    with pytest.raises(Refusal):
        looks.set_organisation(office.street, "x" * 31, "")
    assert looks.all()[0] == {}
