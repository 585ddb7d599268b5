"""`lossviz doctor`: what is installed, what works, what is in the way."""

from rich.table import Table

from napari_lossviz.cli import consoles
from napari_lossviz.cli.diagnosis import diagnose

_MARKS = {
    "fine": "[green]ok[/green]",
    "note": "[yellow]note[/yellow]",
    "missing": "[red]missing[/red]",
}


def doctor() -> int:
    """Show versions, devices, the Qt binding in use, optional parts and known clashes.

    The exit status is 1 where something essential is missing, else 0.
    """
    findings = diagnose()
    table = Table.grid(padding=(0, 2))
    previous = ""
    for finding in findings:
        topic = finding.topic if finding.topic != previous else ""
        table.add_row(topic, _MARKS[finding.level], consoles.escape(finding.text))
        previous = finding.topic
    consoles.out.print(table)
    return int(any(finding.level == "missing" for finding in findings))
