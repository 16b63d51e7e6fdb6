"""`ticketing openapi`: the document of the HTTP API."""

from ticketing.cli.options import print_json


def openapi() -> None:
    """Print the OpenAPI document on stdout. Needs no instance.

    Example: ticketing openapi > openapi.json
    """
    from ticketing.api.application import document

    print_json(document())
