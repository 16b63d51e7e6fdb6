"""Schedules and verdicts in words."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, structs

from tests.simulator import steps
from tests.simulator.run import Disagreement, Played, Verdict, as_written
from ticketing.inventory.codes import Outcome
from ticketing.inventory.model import HoldRequest
from ticketing.inventory.protocol import Reply


def story(found: Disagreement) -> Iterator[str]:
    """Every step with what the reference answers, and then where the server parts from it."""
    played = as_written(found.schedule)
    began = found.schedule.steps[0].at
    yield f"schedule {found.schedule.seed}, {len(found.schedule.steps)} steps, {found.schedule.bounds}"
    for number, step in enumerate(found.schedule.steps):
        when = f"{number + 1:4} {step.at - began:+8} ms  process {step.by}"
        yield f"{when}  {say(step)}{_answers(played, number)}"
    yield f"  {found.what}"
    yield f"    the reference has {found.expected}"
    yield f"    the server has    {found.got}"


def say(step: steps.Step) -> str:
    """One step."""
    facts = {name: value for name, value in structs.asdict(step).items() if name not in ("at", "by")}
    said = (f"{name} {_value(value)}" for name, value in facts.items())
    return f"{_verb(step)} {', '.join(said)}".strip()


def verdict(result: Verdict) -> Iterator[str]:
    """What a run has seen, outcome by outcome."""
    rate = result.steps / max(result.seconds, 0.001)
    yield f"{result.steps:,} steps ({result.commands:,} commands) in {result.seconds:.1f} s: {rate:,.0f} steps a second"
    for verb in sorted({verb for verb, _ in result.tally}):
        seen = {outcome: n for (of, outcome), n in result.tally.items() if of == verb}
        yield f"  {verb:10} " + ", ".join(f"{o.name} {n:,}" for o, n in sorted(seen.items(), reverse=True))
    unseen = [outcome.name for outcome in Outcome if outcome not in {o for _, o in result.tally}]
    yield f"outcomes never seen: {', '.join(unseen) or 'none'}"
    yield f"disagreements: {int(result.disagreement is not None)}"


def _verb(step: steps.Step) -> str:
    name = type(step).__name__
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()


def _value(value: Any) -> str:
    match value:
        case HoldRequest():
            items = " and ".join(f"{quantity} of quota {quota}" for quota, quantity in value.items)
            return f"{value.id} ({items})"
        case Struct():
            return ", ".join(f"{name} {_value(one)}" for name, one in structs.asdict(value).items())
        case tuple():
            return f"({'; '.join(map(_value, value))})"
    return str(value)


def _answers(played: Played, number: int) -> str:
    expected = [exchange.expected for exchange in played.exchanges if exchange.step == number]
    answers = [" | ".join(_results(one.results)) for one in expected if isinstance(one, Reply)]
    return f"  -> {', then '.join(answers)}" if any(answers) else ""


def _results(results: Any) -> Iterator[str]:
    """Outcomes by name with their facts, but without rows."""
    batch = [results] if results and isinstance(results[0], Outcome) else results
    for result in batch:
        if isinstance(result, list) and result and isinstance(result[0], Outcome):
            facts = (str(fact) for fact in result[1:] if not isinstance(fact, list))
            yield " ".join([result[0].name, *facts])
