"""How pages look, in the memory of one process: read from SQL every second, as the board is."""

import asyncio

from ticketing.catalogue.looks import EVENT, ORGANISATION, Looks
from ticketing.services.looks import LookService

USUAL = Looks()


class LookBook:
    """The looks of events and organisations. When SQL is away it goes on with what it has."""

    def __init__(self, service: LookService) -> None:
        self._service = service
        self._looks: dict[str, Looks] = {}
        self.root = USUAL
        """Of the pages that belong to no event: the organisation at the top of the tree."""

    async def refresh(self) -> None:
        """Read every look. SQL's errors pass through; what was known before stays."""
        self._looks, root_ids = await asyncio.to_thread(self._service.all)
        known = (self._looks.get(f"{ORGANISATION}:{root}") for root in root_ids)
        self.root = next((looks for looks in known if looks is not None), USUAL)

    def of_event(self, event_id: str, organisation_id: str) -> Looks:
        """An event's own picture and colour; what it does not say, its organisation's look says, or the root's."""
        own = self._looks.get(f"{EVENT}:{event_id}", USUAL)
        above = self._looks.get(f"{ORGANISATION}:{organisation_id}", self.root)
        return Looks(above.name, own.colour or above.colour, own.picture or above.picture)

    def picture_of(self, event_id: str) -> str | None:
        """An event's own picture, for a list that would show its organisation's again and again."""
        return self._looks.get(f"{EVENT}:{event_id}", USUAL).picture
