"""``earwitness check``: does a target keep the contract?"""

import typer

from earwitness.cli import options


def command(
    target: options.Target,
    device: options.Device = "auto",
    dtype: options.Dtype = "float32",
) -> None:
    """Load a target and run the conformance suite on it.

    Example: earwitness check --target facebook/musicgen-small
    """
    from earwitness.errors import TargetError
    from earwitness.targets import load_target
    from earwitness.targets.protocols import GeneratorTarget
    from earwitness.testing import check_target

    loaded = load_target(target, device=device, dtype=dtype)
    if isinstance(loaded, GeneratorTarget):
        raise TargetError(f"{target} only generates; it has no logits whose contract could be checked.")
    for line in check_target(loaded):
        typer.echo(f"holds: {line}")
