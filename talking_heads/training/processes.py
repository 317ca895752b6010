"""On what a training run works: one process or several, and how exact its products are."""

from __future__ import annotations

import os

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs

from talking_heads.errors import UserError

PRECISIONS = ("auto", "float32", "bfloat16")


def processes() -> Accelerator:
    """Return what this process shares with the others of its run.

    Several are started by ``torchrun``. Without a GPU they work on the CPU.

    Raises
    ------
    UserError
        If several processes were asked for, and this one was started alone.
    """
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    launched = {"ACCELERATE_USE_CPU", "MASTER_ADDR"} <= set(os.environ)
    if launched and "WORLD_SIZE" not in os.environ:
        # "accelerate launch --cpu --num_processes 2" starts one, and leaves this trace.
        raise UserError(
            "Several processes were asked for, but this one was started alone: on the CPU\n"
            'accelerate leaves that to MPI. Use "torchrun --nproc-per-node 2 -m talking_heads.cli '
            'train ...".'
        )
    # Precision is chosen here, not by what accelerate was once configured for.
    return Accelerator(
        cpu=several and not torch.cuda.is_available(),
        mixed_precision="no",
        kwargs_handlers=[DistributedDataParallelKwargs()],
    )


def choose_precision(name: str, device: torch.device) -> str:
    """Return in what precision matrices are multiplied.

    Parameters
    ----------
    name : {"auto", "float32", "bfloat16"}
        "auto": bfloat16 on a GPU that has it, else float32. Weights and sums stay in float32.
    device : device
        Where the model is trained.

    Returns
    -------
    {"float32", "bfloat16"}

    Raises
    ------
    UserError
        If there is no such precision, or the GPU lacks it.
    """
    if name not in PRECISIONS:
        raise UserError(
            f"There is no precision {name!r:.60}. Choose from: {', '.join(PRECISIONS)}."
        )
    has = device.type == "cpu" or (
        device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    )
    if name == "bfloat16" and not has:
        raise UserError("This device does not calculate with bfloat16: choose float32.")
    if name == "auto":
        return "bfloat16" if has and device.type == "cuda" else "float32"
    return name
