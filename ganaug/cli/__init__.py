"""The command `ganaug`: parses, calls, prints. Errors are one line, and an exit code."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress

import click

from ganaug._version import __version__
from ganaug.cli import (
    card,
    check,
    demo,
    doctor,
    evaluate,
    export,
    fit,
    info,
    pipeline,
    sample,
    tune,
    vary,
)
from ganaug.cli.console import INTERRUPTED, Settings, echo, plain_messages, unprinted
from ganaug.cli.options import TEXT
from ganaug.cli.starting import say_starting, started
from ganaug.errors import ConfigError, GanaugError, ToldElsewhereError
from ganaug.launch import place
from ganaug.wording import one_line

__all__ = ["command", "main", "run"]

ALONE = ("demo", "run")  # what would do all of its work in each process
SHARED = ("evaluate", "tune")  # what hands trainings to the other processes


class _InOrder(click.Group):
    """Lists its commands in the order in which they are used, not by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self.commands and (name == "help" or os.path.exists(name)):
            look = "info" if name.lower().endswith(".onnx") else "check"
            instead = "ganaug --help" if name == "help" else f"ganaug {look} {shlex.quote(name)}"
            raise click.UsageError(f"No such command {name!r}; try: {instead}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    name="ganaug",
    cls=_InOrder,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: ganaug run photos/ --out defects",
)
@click.version_option(__version__, prog_name="ganaug")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
@click.pass_context
def command(context: click.Context, debug: bool, quiet: bool) -> None:
    """GAN augmentation for imbalanced image data, with evidence whether it helps.

    Train a generator on your images (fit), put it into one ONNX file (export), learn how often to
    use it (tune), and measure what it is worth (evaluate). In your training the file is a transform
    of torchvision. Begin with: ganaug check photos/
    """
    settings: Settings = context.obj
    here = place()
    settings.debug, settings.quiet = debug, quiet or here.rank > 0
    if not settings.quiet and not {"-h", "--help"} & set(settings.arguments):
        say_starting()
    if here.size > 1 and context.invoked_subcommand in ALONE:
        raise ConfigError(
            f"ganaug {context.invoked_subcommand}: started as {here.size} processes; allowed: one,"
            " which starts others by itself (--jobs); leave torchrun out"
        )
    if here.size > 1 and context.invoked_subcommand in SHARED:
        from ganaug.evaluation.trainings.others import shared_work

        if not context.with_resource(shared_work(here)):
            context.exit()


for _module in (
    pipeline,
    check,
    fit,
    export,
    vary,
    tune,
    evaluate,
    sample,
    info,
    card,
    demo,
    doctor,
):
    command.add_command(_module.command)
    for _parameter in _module.command.params:
        if _parameter.type is click.STRING:
            _parameter.type = TEXT


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    _hold_streams()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: it says what is kept
    sys.exit(run(sys.argv[1:]))


def _hold_streams() -> None:
    """Put the null device where stdin, stdout or stderr is closed.

    A file that is opened would else get the number, and what a library prints would go into it.
    """
    with suppress(OSError):
        while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
            pass
        os.close(handle)


def run(arguments: Sequence[str]) -> int:
    """Run the command line with `arguments` and return the exit code.

    0 = done, 1 = failed, 2 = wrong use or input, 130 = interrupted.
    """
    unprinted()
    code = _run(Settings(tuple(arguments)))
    started()
    lost = unprinted()
    if lost is None:
        return code
    echo(
        f"ganaug: error: not all could be printed ({lost.strerror}); what was to be written into"
        " files is there; print to another place",
        err=True,
    )
    return code or 1


def _run(settings: Settings) -> int:
    try:
        with plain_messages(settings):
            result = command.main(
                args=list(settings.arguments),
                prog_name="ganaug",
                standalone_mode=False,
                obj=settings,
            )
    except (click.Abort, KeyboardInterrupt):
        echo("ganaug: interrupted", err=True)
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        if not _told_beside(error):
            echo(_usage_line(error), err=True)
        return error.exit_code
    except GanaugError as error:
        if settings.debug:
            echo(traceback.format_exc(), err=True, nl=False)
        if not _told_beside(error):
            echo(f"ganaug: error: {one_line(error, None)}", err=True)
        return error.exit_code
    except Exception as error:  # a defect of ours, or of the machine: still one line
        if settings.debug:
            echo(traceback.format_exc(), err=True, nl=False)
            return 1
        if _is_of_memory(error):
            echo(
                "ganaug: error: out of memory; what was written before is there; use a smaller"
                " --size, --batch-size, or smaller networks (--preset tiny)",
                err=True,
            )
            return 1
        echo(
            f"ganaug: error: {type(error).__name__}: {one_line(str(error), None)}"
            " (ganaug --debug COMMAND ... shows the traceback)",
            err=True,
        )
        return 1
    return result if isinstance(result, int) else 0


def _is_of_memory(error: Exception) -> bool:
    """Whether there was too little memory: torch has no type for it on a CPU, but words."""
    words = ("allocate memory", "out of memory", "bad_alloc", "not enough memory")
    return isinstance(error, MemoryError) or any(each in str(error).lower() for each in words)


def _told_beside(error: click.ClickException | GanaugError) -> bool:
    """Whether another process of this machine says the same: wrong use is wrong in all of them."""
    wrong_use = place().local > 0 and error.exit_code == 2
    return wrong_use or isinstance(error, ToldElsewhereError)


def _usage_line(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "ganaug"
    message = one_line(error.format_message(), None).rstrip(".")
    if isinstance(error, click.NoSuchOption) and context is not None and context.parent is not None:
        of_all = [each for option in command.params for each in option.opts]
        if error.option_name in of_all:
            own = f"{command.name} {error.option_name} {context.info_name}"
            message += f"; put it before the command: {own}"
    return f"ganaug: error: {message}; see {path} --help"
