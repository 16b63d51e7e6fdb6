"""Asks the judge, says what it found in plain words, and leaves the reports where they were wanted."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ticketing.rehearsal.crowd import link_package
from ticketing.rehearsal.display import Display
from ticketing.rehearsal.site import SiteFailed

FINDINGS_SHOWN = 20
JUDGE_SECONDS = 300.0


class Finding(Struct, frozen=True):
    """One loss, as the judge names it."""

    kind: str
    count: int
    text: str


class Judgement(Struct, frozen=True):
    """What the judge prints. `result` is passed on as it is: `rush --json`."""

    result: dict[str, Any]
    findings: tuple[Finding, ...]
    warnings: tuple[str, ...]


def give(directory: Path, json: Path | None, html: Path | None, display: Display) -> bool:
    """Judge the rehearsal in `directory`; whether nothing was found. `json` may be `-`, for stdout."""
    with display.step("judge what everybody was told"):
        judgement = _judge(directory)
    _tell(judgement, display)
    document = msgspec.json.format(msgspec.json.encode(judgement.result), indent=2) + b"\n"
    if json == Path("-"):
        sys.stdout.buffer.write(document)
        sys.stdout.flush()
    elif json:
        json.write_bytes(document)
    if html:
        shutil.copyfile(directory / "report.html", html)
        display.say(f"report: {html}")
    return not judgement.findings


def _judge(directory: Path) -> Judgement:
    link_package(directory)
    judge = subprocess.run(
        [sys.executable, "-P", "-m", "loadtests", str(directory)],
        env={**os.environ, "PYTHONPATH": str(directory)},
        capture_output=True,
        timeout=JUDGE_SECONDS,
        check=False,
    )
    if judge.returncode:
        raise SiteFailed(f"the judge broke off: {judge.stderr.decode(errors='replace').strip()}")
    return msgspec.json.decode(judge.stdout, type=Judgement)


def _tell(judgement: Judgement, display: Display) -> None:
    figures = judgement.result
    latency = figures["latency_ms"]
    sold_out = figures["seconds_to_sell_out"]
    when = f"sold out {sold_out:,.1f} s after the opening" if sold_out is not None else "not sold out"
    refusals = ", ".join(f"{code} {count:,}" for code, count in figures["refused"].items()) or "none"
    display.say(
        f"\n[bold]{figures['sold']:,} of {figures['stock']:,} tickets sold[/], "
        f"{figures['drained_orders']:,} orders; {when}\n"
        f"{figures['cards']:,} cards came, {figures['users']:,} at a time: {figures['requests']:,} requests, "
        f"{figures['requests_per_second']:,.0f} a second; {figures['errors']:,} errors\n"
        f"refused: {refusals}\n"
        f"latency ms: p50 {latency['p50']:g}, p95 {latency['p95']:g}, p99 {latency['p99']:g}, max {latency['max']:g}; "
        f"in SQL {figures['drain_seconds']:g} s after the crowd left"
    )
    for warning in judgement.warnings:
        display.say(f"[yellow]note:[/] {warning}")
    _tell_findings(judgement.findings, display)


def _tell_findings(findings: tuple[Finding, ...], display: Display) -> None:
    if not findings:
        display.say("[bold green]Nothing was oversold, over a limit, lost or doubled.[/]")
        return
    display.say(f"[bold red]{len(findings):,} findings: this instance must not open a sale.[/]")
    for finding in findings[:FINDINGS_SHOWN]:
        display.plain(f"  {finding.kind}: {finding.text}")
    if len(findings) > FINDINGS_SHOWN:
        display.say(f"  and {len(findings) - FINDINGS_SHOWN:,} more, in the report")
