from __future__ import annotations

import pytest

from talking_heads.errors import UserError
from talking_heads.metrics import time_per_frame


class Machine:
    """A clock, a model and a device: the call returns at once, the device works on."""

    def __init__(self, costs: list[float]) -> None:
        self.now, self.busy_until, self.costs, self.events = 0.0, 0.0, costs, ""

    def call(self) -> None:
        self.events += "c"
        self.now += 0.001
        self.busy_until = self.now + self.costs[min(self.events.count("c"), len(self.costs)) - 1]

    def wait(self) -> None:
        self.events += "w"
        self.now = max(self.now, self.busy_until)

    def clock(self) -> float:
        return self.now


def test_the_median_call_after_warm_up_counts() -> None:
    machine = Machine([100, 100, 1, 50, 1, 3, 1])
    out = time_per_frame(
        machine.call, 50, warm_up=2, repeats=5, synchronise=machine.wait, clock=machine.clock
    )
    assert machine.events == "cc" + "wcw" * 5
    assert out.call_seconds == pytest.approx((1.001, 50.001, 1.001, 3.001, 1.001))
    assert out.seconds_per_frame == pytest.approx(1.001 / 50)
    # 50 frames are two seconds of motion.
    assert out.real_time_factor == pytest.approx(1.001 / 2)
    assert out.to_dict()["slowest_call_s"] == pytest.approx(50.001)


def test_without_waiting_a_device_seems_to_take_no_time() -> None:
    machine = Machine([5.0])
    out = time_per_frame(machine.call, 10, fps=30, repeats=3, clock=machine.clock)
    assert out.seconds_per_frame == pytest.approx(0.0001)
    assert out.real_time_factor == pytest.approx(0.003)


def test_with_the_true_clock() -> None:
    calls: list[int] = []
    out = time_per_frame(lambda: calls.append(1), 4)
    assert len(calls) == 12 and len(out.call_seconds) == 10 and out.seconds_per_frame >= 0


@pytest.mark.parametrize("wrong", [{"frames": 0}, {"repeats": 0}, {"warm_up": -1}, {"fps": 0}])
def test_nothing_to_measure(wrong: dict[str, int]) -> None:
    with pytest.raises(UserError):
        time_per_frame(lambda: None, **({"frames": 1} | wrong))  # type: ignore[arg-type]
