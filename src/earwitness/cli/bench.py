"""``earwitness bench``: the paper's experiments, and the benchmark where that is installed.

The benchmark is a distribution of its own, ``earwitness-bench``, which joins as any package can
(``earwitness.plug_ins``).
"""

from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from earwitness.cli import bench_paper
from earwitness.errors import EarwitnessError


def bench_app(added: typer.Typer | None) -> typer.Typer:
    """The benchmark's commands, or what says how to install them; ``paper`` is among them either way."""
    app = added or _without_benchmark()
    app.command("paper")(bench_paper.command)
    return app


def _without_benchmark() -> typer.Typer:
    app = typer.Typer(invoke_without_command=True, cls=_WithoutBenchmark)

    @app.callback(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
    def run(context: typer.Context) -> None:
        """The paper's own experiments; the benchmark itself is a package of its own, earwitness-bench.

        Example: earwitness bench paper --audiocaps DIR
        """
        if context.invoked_subcommand is None:
            _not_installed()

    return app


class _WithoutBenchmark(TyperGroup):
    """A group whose unknown commands are those of the package that is not installed."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        return super().resolve_command(ctx, args) if args[0] in self.commands else _not_installed()


def _not_installed() -> NoReturn:
    raise EarwitnessError(
        "The benchmark is a package of its own and not installed: pip install earwitness-bench "
        "(from a checkout: pip install ./bench)."
    )
