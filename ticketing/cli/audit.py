"""`ticketing audit`: whether the counts hold between Redis and SQL."""

import typer

from ticketing.cli.options import AsJson, DataDir, print_json, services_of


def audit(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Check I1 to I5 between Redis and SQL, on a live system, and name every violation.

    Exit 1 when there is one.

    Example: ticketing audit --json
    """
    from ticketing.services.audit import audit as run

    with services_of(data_dir) as services:
        services.keeper.ping()  # with nothing on sale the audit would not miss Redis
        report = run(services.sessions, services.keeper)
    if as_json:
        print_json(report)
    else:
        for violation in report.violations:
            typer.echo(f"{violation.invariant}  {violation.subject}: {violation.text}")
        for group in report.unsettled:
            typer.echo(f"{group}: too busy to add up its holds and ledgers; look again in a quieter moment")
        found = len(report.violations)
        verdict = "all counts hold" if report.ok else f"{found} violation{'s' * (found > 1)}"
        typer.echo(
            f"{verdict}: {report.orders:,} orders and {report.tickets:,} tickets in SQL, "
            f"{report.backlog:,} log entries on their way, {report.groups:,} allowance groups"
        )
    raise typer.Exit(0 if report.ok else 1)
