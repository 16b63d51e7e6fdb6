"""What a webhook may be told, in the words that go over the wire."""

CONFIRMED, CANCELLED = "order.confirmed", "order.cancelled"
COLLECTED, SOLD_OUT = "order.collected", "event.sold_out"
KINDS = (CONFIRMED, CANCELLED, COLLECTED, SOLD_OUT)
