"""Goal: whatever is sent, every answer is one that the document describes, and nothing breaks.

Method: some requests of a seed, and some by schemathesis, to a real instance; `scripts/fuzz` sends a hundred thousand.
The control breaks one route of the instance, forgets an answer in the document, and sees the judge find both.
"""

from itertools import chain
from pathlib import Path

import pytest

from tests.fuzz.judge import Answer, Judge, Sent, faults_of_log
from tests.fuzz.place import open_place
from tests.fuzz.run import Run

pytestmark = pytest.mark.slow

REQUESTS = 2_000
GENERATED_EACH = 2
SEED = 20_260_501


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_every_answer_is_documented_and_nothing_breaks(tmp_path: Path, database_url: str) -> None:
    with open_place(tmp_path, {"TICKETING_DATABASE_URL": database_url}) as place:
        run = Run(place)
        again = (list(run.hand_made(SEED, range(100))) for _ in range(2))
        assert len({tuple((sent.kind, sent.target) for _, sent in once) for once in again}) == 1
        run.send(chain(run.generated(SEED, GENERATED_EACH), run.hand_made(SEED, range(REQUESTS))))
        report = run.look_into_log()
    assert report.faults == []
    assert report.requests >= REQUESTS
    reached = {(method, route) for method, route, status in report.answers if 200 <= status < 300}
    called = {(method, path) for method, path, _ in run.judge.calls}
    assert len(called & reached) > 0.8 * len(called), f"never reached: {called - reached}"


BROKEN = """
from ticketing.services.cards import CardService
CardService.block = lambda *_: 1 / 0
"""


def test_control_a_broken_route_and_an_undocumented_answer_are_found(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BROKEN)
    with open_place(tmp_path, {"PYTHONPATH": str(tmp_path)}) as place:
        run = Run(place)
        for path in ("/api/v1/orders", "/api/v1/orders/{order_id}", "/api/v1/me", "/api/v1/holds/{hold_id}"):
            del run.document["paths"][path]["get"]["responses"]["401"]
        run.send(run.hand_made(SEED, range(1_000)))
        report = run.look_into_log()
    assert any("/staff/cards/block" in fault and ": 503" in fault for fault in report.faults)
    assert any("401 is not documented" in fault for fault in report.faults)
    assert any(fault.startswith("log: ") and "ZeroDivisionError" in fault for fault in report.faults)


DOCUMENT = {
    "paths": {
        "/api/v1/things/{id}": {
            "get": {
                "responses": {
                    "200": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}
                    },
                    "404": {
                        "content": {
                            "application/problem+json": {
                                "schema": {"allOf": [{}, {"properties": {"code": {"enum": ["not_found"]}}}]}
                            }
                        }
                    },
                }
            }
        }
    },
    "components": {
        "schemas": {
            "Thing": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}
        }
    },
}
TIME = {"server-time": "1"}
JSON = TIME | {"content-type": "application/json"}
PROBLEM = TIME | {"content-type": "application/problem+json"}


@pytest.mark.parametrize(
    ("method", "target", "answer", "fault"),
    [
        ("GET", "/api/v1/things/7", Answer(200, JSON, b'{"id": 7}'), None),
        ("GET", "/api/v1/things/7", Answer(200, JSON, b'{"id": "7"}'), "not of its schema"),
        ("GET", "/api/v1/things/7", Answer(200, JSON, b"{"), "no JSON"),
        (
            "GET",
            "/api/v1/things/7",
            Answer(200, TIME | {"content-type": "text/html"}, b"x"),
            "as 'text/html'",
        ),
        ("GET", "/api/v1/things/7", Answer(404, PROBLEM, b'{"code": "not_found"}'), None),
        ("GET", "/api/v1/things/7", Answer(404, PROBLEM, b'{"code": "gone"}'), "gone is not documented"),
        ("GET", "/api/v1/things/7", Answer(404, JSON, b'{"code": "not_found"}'), "as 'application/json'"),
        ("GET", "/api/v1/things/7", Answer(409, PROBLEM, b"{}"), "409 is not documented"),
        ("GET", "/api/v1/things/7", Answer(500, TIME, b"oh"), "500"),
        ("GET", "/api/v1/things/7", Answer(503, PROBLEM, b"{}"), "503"),
        ("GET", "/api/v1/things/7", Answer(200, {}, b"{}"), "no Server-Time"),
        ("GET", "/api/v1/things/7", Answer(0), "closed"),
        ("GET", "/api/v1/things/7", Answer(-1), "no answer"),
        ("PUT", "/api/v1/things/7", Answer(405, PROBLEM, b'{"code": "method_not_allowed"}'), None),
        ("PUT", "/api/v1/things/7", Answer(200, JSON, b"{}"), "instead of 405"),
        ("GET", "/api/v1/nothing", Answer(404, PROBLEM, b'{"code": "not_found"}'), None),
        ("GET", "/api/v1/nothing", Answer(200, JSON, b"{}"), "instead of 404"),
        ("GET", "/login", Answer(200, TIME, b"<p>"), None),
        ("GET", "/login", Answer(418, TIME, b"<p>"), "from a page"),
        ("GET", "/login", Answer(200, TIME, b"Traceback (most recent call last)"), "traceback"),
    ],
)
def test_the_judge(method: str, target: str, answer: Answer, fault: str | None) -> None:
    found = Judge(DOCUMENT).fault(Sent("x", method, target, b""), answer)
    assert found is None if fault is None else fault in str(found)


def test_what_a_log_tells() -> None:
    assert faults_of_log("level=info event=ready\nlevel=warning event=duty_waits") == []
    assert (
        len(faults_of_log('event=unexpected path=/ exception="Traceback (most recent call last):"\nx')) == 1
    )
