"""Goal: a row says what was measured: medians of the turns, the ratio turn by turn, and whether a target is met.

Method: turns of known numbers.
"""

import json

import msgspec

from ticketing.bench.figures import Row, Turn, as_json, compared, grown

TURNS = [Turn(300, 100), Turn(10, 100), Turn(260, 130)]


def test_the_ratio_is_the_median_of_each_turns_own() -> None:
    row = compared("row", "holds/s", TURNS, target=2.0)
    assert (row.ours, row.baseline, row.ratio) == (260, 100, 2.0)
    assert row.is_met


def test_growth_is_the_median_of_each_turns_own() -> None:
    turns = [
        [10.0, 11.0, 12.0],
        [20.0, 22.0, 30.0],
        [10.0, 30.0, 11.0],
    ]  # twice as slow for a while; a hiccup
    row = grown("row", turns, ["1", "10", "100"], target=1.15)
    assert row.ratio == 1.2
    assert row.is_met is False
    assert row.note == "1: 10.0 µs, 10: 22.0 µs, 100: 12.0 µs"


def test_a_target_is_a_bound_from_below_or_above() -> None:
    assert not compared("row", "", TURNS, target=2.1).is_met
    assert Row(name="bytes", unit="", value=250.0, target=250.0, most=True).is_met
    assert not Row(name="bytes", unit="", value=251.0, target=250.0, most=True).is_met
    assert Row(name="value", unit="", value=1.0).is_met is None


def test_the_document_has_what_the_contract_names() -> None:
    document = json.loads(msgspec.json.encode(as_json([compared("row", "holds/s", TURNS)])))
    row = document["row"]
    assert {"ratio", "ours", "baseline", "runs"} <= row.keys()
    assert row["runs"][0] == {"ours": 300, "baseline": 100}
    value = as_json([Row(name="bytes", unit="bytes", value=1.5)])["bytes"]
    assert value == {"unit": "bytes", "value": 1.5, "runs": []}
