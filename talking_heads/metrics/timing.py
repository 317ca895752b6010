"""Inference time per frame, measured so that it can be compared.

DiffusionTalker defines it as the total inference time divided by the number of frames. What else
decides the number: the hardware; whether the audio encoder counts; how long the clips are (models
that make a clip at once cost less per frame for long ones); the first call, which loads and
compiles; and whether one waits for the device, which works on after the call has returned. Say
which when you print it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from talking_heads.errors import UserError


@dataclass(frozen=True)
class FrameTime:
    """How long a model takes.

    Parameters
    ----------
    seconds_per_frame : float
        Median over the repeats.
    real_time_factor : float
        Seconds of work for a second of motion; below 1: faster than speech.
    call_seconds : tuple of float
        What each repeat took.
    frames : int
        How many frames a call makes.
    fps : float
        Frames a second.
    """

    seconds_per_frame: float
    real_time_factor: float
    call_seconds: tuple[float, ...]
    frames: int
    fps: float

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain numbers, the fastest and the slowest call among them."""
        return {
            "seconds_per_frame": self.seconds_per_frame,
            "real_time_factor": self.real_time_factor,
            "fastest_call_s": min(self.call_seconds),
            "slowest_call_s": max(self.call_seconds),
            "repeats": len(self.call_seconds),
            "frames": self.frames,
            "fps": self.fps,
        }


def time_per_frame(
    call: Callable[[], Any],
    frames: int,
    *,
    fps: float = 25.0,
    warm_up: int = 2,
    repeats: int = 10,
    synchronise: Callable[[], Any] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> FrameTime:
    """Measure how long a model takes for one frame.

    Parameters
    ----------
    call : callable
        Makes one motion. What it does is what is measured, so put in, or leave out, the audio
        encoder knowingly.
    frames : int
        How many frames that motion has.
    fps : float
        Frames a second.
    warm_up : int
        Calls before the clock runs.
    repeats : int
        Calls that are timed, one by one. The median of them counts: one that was interrupted by
        other work does not matter.
    synchronise : callable, optional
        Waits until the device is done, such as ``torch.cuda.synchronize``. It is called before the
        clock starts and before it stops. Without it, work on a GPU seems to take no time.
    clock : callable
        Returns seconds.

    Returns
    -------
    FrameTime

    Raises
    ------
    UserError
        If there is nothing to measure.
    """
    if frames < 1 or repeats < 1 or warm_up < 0 or not fps > 0:
        raise UserError("Timing needs at least one frame, one repeat and a frame rate above 0.")
    wait = synchronise or (lambda: None)
    for _ in range(warm_up):
        call()
    taken = []
    for _ in range(repeats):
        wait()
        start = clock()
        call()
        wait()
        taken.append(clock() - start)
    middle = statistics.median(taken)
    return FrameTime(middle / frames, middle / frames * fps, tuple(taken), frames, fps)
