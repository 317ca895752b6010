from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from talking_heads.corpus.real import beat_json
from talking_heads.corpus.real.beat_json import (
    columns_of,
    load_frames,
    outline,
    read_json,
    recorded,
)
from talking_heads.corpus.real.headers import BadFile
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, ARKIT_NAMES, BEAT_NAMES
from tests.corpus.beat_files import beat_content


def _weights(frames: int, channels: int = 51, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 1, (frames, channels)).round(4)


def _write(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def test_by_hand() -> None:
    # Frame f of 5 has the weight f / 10 for jawOpen and 1 - f / 10 for browInnerUp.
    weights = np.zeros((5, 51))
    weights[:, BEAT_NAMES.index("jawOpen")] = np.arange(5) / 10
    weights[:, BEAT_NAMES.index("browInnerUp")] = 1 - np.arange(5) / 10
    found = recorded(beat_content(weights))
    assert found.channels == 51 and found.gaps == ()
    assert found.values.shape == (3, 52)
    np.testing.assert_allclose(found.values[:, ARKIT_INDEX["jawOpen"]], [0, 0.2, 0.4], atol=1e-7)
    np.testing.assert_allclose(found.values[:, ARKIT_INDEX["browInnerUp"]], [1, 0.8, 0.6])
    assert np.count_nonzero(found.values) == 5


@given(st.permutations(ARKIT_NAMES), st.booleans(), st.booleans())
def test_the_order_of_channels_and_their_case_do_not_matter(
    names: list[str], tongue: bool, shout: bool
) -> None:
    if not tongue:
        names = [name for name in names if name != "tongueOut"]
    weights = _weights(6, 52)
    columns = [ARKIT_INDEX[name] for name in names]
    wanted = np.zeros((3, 52), np.float32)
    wanted[:, columns] = weights[::2, columns]
    if shout:
        names = [name.upper() for name in names]
    found = recorded(beat_content(weights[:, columns], names=names))
    np.testing.assert_array_equal(found.values, wanted)
    assert found.channels == len(names)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (None, "no list"),
        ("jawOpen", "no list"),
        ([*BEAT_NAMES[:-1], 7], "no list"),
        ([*BEAT_NAMES, "headYaw"], "'headYaw', which ARKit does not know"),
        ([*BEAT_NAMES[:-1], "x" * 10_000], "ARKit does not know"),
        ([*BEAT_NAMES, "jawOpen"], "jawOpen twice"),
        ([*BEAT_NAMES, "JAWOPEN"], "jawOpen twice"),
        (BEAT_NAMES[:-1], "no list"),
        (list(BEAT_NAMES[:-1]), "lacks the channel noseSneerRight"),
        ([*BEAT_NAMES[:-2], "tongueOut"], "lacks the channel noseSneerLeft and 1 more"),
        ([], "lacks the channel eyeBlinkLeft and 50 more"),
    ],
)
def test_names_that_do_not_fit(names: Any, told: str) -> None:
    with pytest.raises(BadFile, match=told) as error:
        columns_of(names)
    assert len(str(error.value)) < 150


def _with(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        content["frames"][3][key] = value

    return change


def _weight(value: Any) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        content["frames"][3]["weights"][5] = value

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda c: c.pop("names"), "no list"),
        (lambda c: c.pop("frames"), "no frames"),
        (lambda c: c.update(frames=[]), "no frames"),
        (lambda c: c.update(frames={"0": 1}), "no frames"),
        (lambda c: c["frames"].insert(3, None), "no 51 weights in frame 3"),
        (lambda c: c["frames"].insert(3, [0.1] * 51), "no 51 weights in frame 3"),
        (_with("weights", None), "no 51 weights in frame 3"),
        (_with("weights", [0.1] * 50), "no 51 weights in frame 3"),
        (_with("weights", "0" * 51), "no 51 weights in frame 3"),
        (_weight("0.5"), "no number in frame 3"),
        (_weight(None), "no number in frame 3"),
        (_weight(True), "no number in frame 3"),
        (_weight([0.1]), "no number in frame 3"),
        (_weight(float("nan")), "beyond 10 in frame 3"),
        (_weight(float("inf")), "beyond 10 in frame 3"),
        (_weight(10**400), "far from 0"),
        (_weight(-11), "beyond 10 in frame 3"),
        (_weight(100), "beyond 10 in frame 3"),
        (_with("time", None), "without a time"),
        (_with("time", "0.05"), "without a time"),
        (_with("time", True), "without a time"),
        (_with("time", float("nan")), "senseless"),
        (_with("time", 10**400), "senseless"),
        (_with("time", 1e300), "back in time"),
        (_with("time", -1), "back in time"),
        (lambda c: c["frames"][-1].update(time=1e300), "senseless"),
        (lambda c: c["frames"][-1].update(time=60.0), "more than half"),
    ],
)
def test_content_that_does_not_fit(change: Callable[[dict[str, Any]], None], told: str) -> None:
    content = beat_content(_weights(8))
    recorded(content)
    change(content)
    with pytest.raises(BadFile, match=told):
        recorded(content)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[" * 100_000, "begin as a JSON object|nested too deeply"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested too deeply|no frames"),
        ('{"names": ["jawOpen"], "frames": [{"weights": [NaN], "time": 0.0}]}', "lacks|NaN"),
        ('{"names": [', "middle|no JSON"),
        ("{}", "no frames|no list"),
        ("", "empty|no JSON"),
        ("\x00" * 1000, "begin as a JSON|no JSON"),
        ('{"frames": [{"time": 1e5, "weights": [Infinity]}]}', "senseless|Infinity"),
    ],
)
def test_text_that_is_no_such_file(tmp_path: Path, text: str, told: str) -> None:
    path = _write(tmp_path / "x.json", text)
    for read in (outline, read_json):
        try:
            read(path)
        except BadFile as error:
            assert any(part in str(error) for part in told.split("|")), error
    with pytest.raises(BadFile):
        read_json(path)


def test_json_constants_are_no_numbers(tmp_path: Path) -> None:
    content = beat_content(_weights(8))
    for value in (float("nan"), float("inf"), -float("inf")):
        content["frames"][3]["weights"][5] = value
        with pytest.raises(BadFile, match="which is no number"):
            read_json(_write(tmp_path / "x.json", content))
    text = json.dumps(beat_content(_weights(8))).replace("[0.", "[1e999, 0.", 1)
    text = text.replace("1e999, 0.", "1e999, 0.0, 0.", 1)
    with pytest.raises(BadFile):
        read_json(_write(tmp_path / "x.json", text))


def test_weights_a_little_out_of_range_are_kept() -> None:
    weights = _weights(4)
    weights[0, 0], weights[2, 1] = 1.04, -0.02
    values = recorded(beat_content(weights)).values
    np.testing.assert_array_equal(
        values[:, ARKIT_INDEX[BEAT_NAMES[0]]], weights[::2, 0].astype("f4")
    )
    np.testing.assert_array_equal(
        values[:, ARKIT_INDEX[BEAT_NAMES[1]]], weights[::2, 1].astype("f4")
    )


@given(
    st.integers(1, 400),
    st.integers(3, 17),
    st.sampled_from([0.0, 1 / 60, 0.25, 1e5]),
    st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_every_second_frame_and_the_length_from_the_ends(
    tmp_path: Path, count: int, digits: int, begin: float, timed: bool
) -> None:
    """Times written with three digits or more, from any start, give frames 0, 2, 4 ..."""
    weights = _weights(count)
    times = begin + np.arange(count) / 60
    content = beat_content(weights, times=times.tolist(), digits=digits, timed=timed)
    path = _write(tmp_path / "x.json", content)
    found = read_json(path)
    columns = [ARKIT_INDEX[name] for name in BEAT_NAMES]
    np.testing.assert_array_equal(found.values[:, columns], weights[::2].astype(np.float32))
    assert found.gaps == ()
    assert outline(path).frames == len(found.values) == -(-count // 2)
    assert outline(path).channels == 51


@given(st.lists(st.booleans(), min_size=40, max_size=120), st.integers(0, 2**32 - 1))
def test_missing_frames_are_stood_for_by_the_nearest(kept: list[bool], seed: int) -> None:
    places = np.flatnonzero([True, True, True, *kept])
    gaps = np.diff(places)
    jitter = np.random.default_rng(seed).uniform(-0.002, 0.002, len(places))
    times = places / 60 + jitter
    weights = _weights(len(places), seed=seed)
    content = beat_content(weights, times=times.tolist(), digits=17)
    wanted = int((times[-1] - times[0]) * 30 + 0.25) + 1
    # A recording of which half is missing, or whose usual step is two frames, is refused.
    if wanted > len(places) or not 0.0125 <= np.median(np.diff(times)) <= 1.25 / 60:
        with pytest.raises(BadFile):
            recorded(content)
        return
    found = recorded(content)
    since = times - times[0]
    nearest = [int(np.argmin(np.abs(since - k / 30))) for k in range(wanted)]
    columns = [ARKIT_INDEX[name] for name in BEAT_NAMES]
    np.testing.assert_array_equal(found.values[:, columns], weights[nearest].astype(np.float32))
    assert len(found.gaps) == int((gaps > 1).sum())


@pytest.mark.parametrize("fps", [25, 30, 120])
def test_another_frame_rate_is_refused(fps: int) -> None:
    with pytest.raises(BadFile, match="not 60 a second"):
        recorded(beat_content(_weights(20), times=(np.arange(20) / fps).tolist()))


@pytest.mark.parametrize("block", [1, 8, 9, 64])
def test_frames_without_times_are_counted_block_by_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    path = _write(tmp_path / "x.json", beat_content(_weights(25), timed=False))
    monkeypatch.setattr(beat_json, "_BLOCK", block)
    assert outline(path).frames == 13


def test_names_may_stand_behind_the_frames(tmp_path: Path) -> None:
    content = beat_content(_weights(300))
    path = _write(tmp_path / "x.json", {key: content[key] for key in ("frames", "names")})
    assert outline(path).channels is None
    assert read_json(path).channels == 51


def test_a_file_cut_off_anywhere(tmp_path: Path) -> None:
    text = json.dumps(beat_content(_weights(40)))
    path = tmp_path / "x.json"
    for length in range(0, len(text), 97):
        path.write_text(text[:length], "utf-8")
        with pytest.raises(BadFile):
            read_json(path)
        if not text[:length].endswith("}"):
            with pytest.raises(BadFile):
                outline(path)


def test_only_the_ends_are_looked_at(tmp_path: Path) -> None:
    """A file of 100 MB with nothing between its ends opens; reading it fails with its name."""
    text = json.dumps(beat_content(_weights(20))).encode()
    path = tmp_path / "1_wayne_0_1_1.json"
    with path.open("wb") as file:
        file.write(text[: len(text) // 2])
        file.seek(100 * 2**20)
        file.write(b' {"weights": [], "time": 100.0}]}')
    assert outline(path).frames == 3001
    with pytest.raises(UserError, match=r"1_wayne_0_1_1\.json: it is no JSON"):
        load_frames(path, 0, 300, 0, 300)
    os.truncate(path, beat_json.MOST_BYTES)
    with path.open("ab") as file:
        file.write(b'"time": 100.0}]}')
    for read in (outline, read_json):
        with pytest.raises(BadFile, match="too large"):
            read(path)


def test_a_senseless_end(tmp_path: Path) -> None:
    text = json.dumps(beat_content(_weights(40)))
    for time in ("1e300", "-5", "1e", "9999.0"):
        path = _write(tmp_path / "x.json", text[: text.rindex('"time"')] + f'"time": {time}}}]}}')
        with pytest.raises(BadFile, match="time"):
            outline(path)


def test_a_file_that_is_shorter_than_its_end_says(tmp_path: Path) -> None:
    weights = _weights(40)
    content = beat_content(weights, times=[*(np.arange(39) / 60), 1.2])
    path = _write(tmp_path / "x.json", content)
    assert outline(path).frames == 37
    # Frames are missing before the last: the nearest stand for them, and the length holds.
    assert len(load_frames(path, 0, 37, 0, 37)) == 37
    with pytest.raises(UserError, match=r"x\.json: it is shorter than its end says: 37 frames"):
        load_frames(path, 30, 10, 0, 10)


def test_kept_files_are_few_and_fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [_write(tmp_path / f"{i}.json", beat_content(_weights(20, seed=i))) for i in range(4)]
    size = 10 * 52 * 4
    cache = beat_json._Cache(3 * size)
    reads = []
    real = read_json
    monkeypatch.setattr(beat_json, "read_json", lambda path: reads.append(path) or real(path))
    for path in paths[:3] * 2:
        cache.get(path)
    assert reads == paths[:3]
    cache.get(paths[0])
    cache.get(paths[3])  # takes the place of 1, which was not asked for longest
    assert cache.size == 3 * size
    cache.get(paths[0])
    assert reads == paths
    cache.get(paths[1])
    assert reads == [*paths, paths[1]]
    # A file that has been written anew is read anew.
    _write(paths[1], beat_content(_weights(30, seed=9)))
    assert len(cache.get(paths[1])) == 15
    assert beat_json._Cache(size - 1).get(paths[0]).shape == (10, 52)


def test_frames_may_be_changed_by_who_asks(tmp_path: Path) -> None:
    path = _write(tmp_path / "x.json", beat_content(_weights(20)))
    first = load_frames(path, 2, 6, 1, 4)
    np.testing.assert_array_equal(first, read_json(path).values[3:6])
    first[:] = 7
    np.testing.assert_array_equal(load_frames(path, 2, 6, 1, 4), read_json(path).values[3:6])


def test_what_is_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(BadFile):
            outline(path)
        with pytest.raises(BadFile):
            read_json(path)
        with pytest.raises(UserError):
            load_frames(path, 0, 1, 0, 1)
