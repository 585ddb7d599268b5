"""Where the command writes: results to standard output, everything about them to standard error."""

from rich.console import Console
from rich.markup import escape

__all__ = ["complain", "err", "escape", "out", "say", "warn", "warn_of"]

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def say(text: str) -> None:
    """Print a line of the result."""
    out.print(escape(text))


def warn(text: str) -> None:
    """Print a warning."""
    err.print(f"[yellow]warning:[/yellow] {escape(text)}")


def warn_of(name: str, text: str) -> None:
    """Print a warning about an image, with its name unless the text begins with it."""
    warn(text if text.startswith(name) else f"{name}: {text}")


def complain(text: str) -> None:
    """Print an error."""
    err.print(f"[red]error:[/red] {escape(text)}")
