"""The console that commands print on: one whose reader may go away (`| head`) without a failure being reported."""

from typing import NoReturn

import rich.console


class Console(rich.console.Console):
    """Rich's console; a closed pipe ends the command quietly, as `earwitness.cli.main` has it."""

    def on_broken_pipe(self) -> NoReturn:
        """Pass the error on; rich would end with status 1."""
        raise BrokenPipeError
