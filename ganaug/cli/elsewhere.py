"""Options that another command has, and what stands for them here."""

from __future__ import annotations

from collections.abc import Mapping

import click

__all__ = ["command_with_others"]


def command_with_others(others: Mapping[str, str]) -> type[click.Command]:
    """Return a kind of command that says what stands for an option of another one.

    Args:
        others: by the name of such an option, what to give in its place.
    """

    class _Command(click.Command):
        def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
            try:
                return super().parse_args(ctx, args)
            except click.NoSuchOption as error:
                if error.option_name not in others:
                    raise
                instead = others[error.option_name]
                message = f"No such option {error.option_name!r}; of {self.name}: {instead}"
                raise click.NoSuchOption(error.option_name, message, ctx=ctx) from error

    return _Command
