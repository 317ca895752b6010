import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talking_heads.errors import UserError
from talking_heads.models import DiffSpeaker, DiffSpeakerConfig, MotionContract
from talking_heads.models.conv_config import ConvRegressorConfig


@pytest.mark.parametrize("name", ["course", "full", "paper"])
def test_presets_survive_json(name: str) -> None:
    config = DiffSpeakerConfig.preset(name)
    again = DiffSpeakerConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config


def test_the_paper_preset_has_the_papers_choices() -> None:
    config = DiffSpeakerConfig.preset("paper")
    assert (config.width, config.layers, config.heads, config.feed_forward) == (512, 1, 4, 1024)
    assert (config.bias_period, config.cross_band, config.sampling_steps) == (25, 0, 50)
    assert (config.mouth_weight, config.aperture_weight, config.style_dropout) == (0, 0, 0)


@pytest.mark.parametrize(("fps", "period"), [(25.0, 25), (30.0, 30), (29.97, 30), (0.3, 1)])
def test_the_papers_periods_are_the_frame_rate(fps: float, period: int) -> None:
    config = DiffSpeakerConfig.preset("paper", fps)
    assert (config.bias_period, config.position_period) == (period, period)
    for name in ("course", "full"):
        assert DiffSpeakerConfig.preset(name, fps) == DiffSpeakerConfig.preset(name)
    assert ConvRegressorConfig.preset("paper", fps) == ConvRegressorConfig.preset("paper")


@pytest.mark.parametrize(("name", "most"), [("course", 3e6), ("full", 8e6)])
def test_shipped_sizes_fit(name: str, most: float) -> None:
    contract = MotionContract(speakers=("a",), heads=("neutral@low",))
    model = DiffSpeaker(DiffSpeakerConfig.preset(name), contract)
    assert sum(p.numel() for p in model.parameters()) < most


def test_an_unknown_preset_is_refused_with_the_choices() -> None:
    with pytest.raises(UserError, match="course, full, paper"):
        DiffSpeakerConfig.preset("huge")


@pytest.mark.parametrize(
    "change",
    [
        {"width": 0}, {"width": 10**9}, {"width": 12.5}, {"width": True}, {"heads": 3},
        {"overlap": 200}, {"encoder_kernel": 4}, {"encoder_look_ahead": 21},
        {"encoder_look_ahead": "x"}, {"dropout": 1.0}, {"dropout": float("nan")},
        {"beta_start": 0.5}, {"sampling_spacing": "odd"}, {"self_bias": 1}, {"step_code": 7},
        {"sampling_steps": 1001}, {"layers": 129}, {"encoder_blocks": 10_000},
    ],
)  # fmt: skip
def test_unusable_fields_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(UserError) as error:
        DiffSpeakerConfig(**change)  # type: ignore[arg-type]
    assert len(str(error.value).splitlines()) <= 3


@given(
    st.sampled_from([f.name for f in dataclasses.fields(DiffSpeakerConfig)]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()),
)
def test_any_value_is_taken_or_refused_in_words(name: str, value: object) -> None:
    values = {**DiffSpeakerConfig().to_dict(), name: value}
    try:
        config = DiffSpeakerConfig.from_dict(values)
    except UserError:
        return
    assert getattr(config, name) == value


def test_strange_and_missing_fields_are_named() -> None:
    values = DiffSpeakerConfig().to_dict()
    values["depth"] = values.pop("layers")
    with pytest.raises(UserError, match=r"unknown: depth; missing: layers"):
        DiffSpeakerConfig.from_dict(values)
