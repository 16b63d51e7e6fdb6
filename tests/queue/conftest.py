"""What the queue's tests share."""

from tests.support.guards import without  # noqa: F401 - a fixture of these tests
