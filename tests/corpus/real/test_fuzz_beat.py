"""Damaged BEAT files: each gives clips or a `UserError`, and nothing else."""

from __future__ import annotations

import copy
import json
import random
import shutil
import struct
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from talking_heads.corpus.real.beat import load_beat
from talking_heads.corpus.real.beat_scan import scan_beat
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_NAMES
from tests.corpus.beat_files import beat_content, write_wav

FRAMES = 70
"""At 60 a second: one window of a second, and some frames more."""
HOSTILE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1e308, -1e308, 2**63, 10**400, 0.1, "", "0.5", "jawOpen"),
    *("\x00", "x" * 5000, "\ud800", [], [[]], {}, {"weights": []}, [0.1] * 51, [0.1] * 52),
    *(float("nan"), float("inf"), list(ARKIT_NAMES), [["a"] * 3] * 3),
)
TOKENS = (
    *(b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5000, b"[" * 3000, b'{"a":' * 3000),
    *(b"]", b"}", b"]}", b'"', b'"time": 1e9', b'"time": -1', b'"names": []', b"\x00", b"\xff\xfe"),
    *(b"\\ud800", b"null", b"{}", b"[]", b"1e", b"--1", b"\xef\xbb\xbf"),
)
NUMBERS = (0, 1, 2, 3, 8, 16, 255, 16_000, 44_100, 2**15, 2**16 - 1, 2**31, 2**32 - 1)
KINDS = (
    *("json bytes", "json bytes", "json tree", "json tree", "wav bytes", "wav header", "names"),
    "all",
)
FIELDS = (
    *((4, "I"), (16, "I"), (20, "H"), (22, "H"), (24, "I"), (28, "I"), (32, "H"), (34, "H")),
    (40, "I"),
)
"""Where the fields of a WAV header lie, and how wide they are."""
NAMES = (
    *("1_wayne_0_1_1", "1_wayne_0_1", "0_x_0_0_0", "9999_x_9_9999_9999", "1_wayne_0_1_1.json"),
    *("٣_wayne_0_1_1", "wayne", "._1_wayne_0_1_1", "1_wäyne_0_1_1", "1_wayne_0_1_1 (copy)", "-"),
    *("1_wayne_0_72_72", "01_wayne_00_1_1", "1_wayne_0_01_1", "\x01", "a\nb", "1__0_1_1"),
)


def _bytes(rng: random.Random, data: bytes) -> bytes:
    """Change, cut out, double, insert or cut off bytes."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        here = rng.randrange(len(out) + 1)
        there = min(len(out), here + rng.choice((1, 2, 8, 100, 2000)))
        kind = rng.randrange(6)
        if kind == 0 and here < len(out):
            out[here] = rng.randrange(256)
        elif kind == 1:
            del out[here:there]
        elif kind == 2:
            out[here:here] = out[here:there]
        elif kind == 3:
            out[here:here] = rng.choice(TOKENS)
        elif kind == 4:
            out[here : here + 1] = rng.choice(TOKENS)
        elif kind == 5 and rng.random() < 0.3:
            del out[here:]
    return bytes(out)


def _content(rng: random.Random) -> bytes:
    """Replace, remove or double values in the tree of a file."""
    weights = np.random.default_rng(rng.randrange(2**32)).uniform(0, 1, (FRAMES, 51)).round(3)
    content: Any = beat_content(weights)
    for _ in range(rng.randint(1, 3)):
        holder, key = content, rng.choice(list(content)) if content else None
        while key is not None and rng.random() < 0.75:
            inner = holder[key]
            if isinstance(inner, dict | list) and inner:
                holder = inner
                key = (
                    rng.choice(list(inner))
                    if isinstance(inner, dict)
                    else rng.randrange(len(inner))
                )
            else:
                break
        if key is None:
            break
        kind = rng.randrange(4)
        if kind < 2:
            holder[key] = copy.deepcopy(rng.choice(HOSTILE))
        elif kind == 2:
            del holder[key]
        elif isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[rng.randrange(len(holder))]))
        else:
            holder[key + "x"] = holder.pop(key)
    return json.dumps(content, skipkeys=True).encode("utf-8", "surrogatepass")


def _header(rng: random.Random, data: bytes) -> bytes:
    """Set fields of a WAV header to numbers that do not fit."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        place, form = rng.choice(FIELDS)
        value = rng.choice(NUMBERS) & (0xFFFF if form == "H" else 0xFFFFFFFF)
        struct.pack_into("<" + form, out, place, value)
    return bytes(out)


def make_case(root: Path, rng: random.Random, motion: bytes, sound: bytes) -> str:
    """Write one recording with something wrong; return the kind of damage."""
    kind = rng.choice(KINDS)
    names = ["1_wayne_0_1_1"] * 2
    if kind in ("json bytes", "all"):
        motion = _bytes(rng, motion)
    elif kind == "json tree":
        motion = _content(rng)
    if kind in ("wav bytes", "all"):
        sound = _bytes(rng, sound[: rng.choice((400, len(sound), len(sound), len(sound)))])
    elif kind == "wav header":
        sound = _header(rng, sound)
    if kind == "names":
        names = [rng.choice(NAMES) for _ in names]
    folder = root / rng.choice(("1",) * 20 + ("", "x y", ".1", "1/1"))
    folder.mkdir(parents=True, exist_ok=True)
    for name, ending, data in zip(names, (".json", ".wav"), (motion, sound), strict=True):
        if rng.random() < 0.02:
            ending = rng.choice((".JSON", ".Wav", ".txt", ""))
        path = folder / (name + ending)
        if rng.random() < 0.01:
            path.mkdir()
        else:
            path.write_bytes(data)
    return kind


def read_all(root: Path) -> str:
    """Open a set and read all that is in it; return what came of it."""
    scan_beat(root, thorough=True)
    try:
        corpus = load_beat(root, window_seconds=1.0)
    except UserError as error:
        assert len(str(error).splitlines()) <= 3
        return "refused when opened"
    for clip in corpus:
        try:
            assert clip.motion.values.shape == (30, 52)
            assert np.isfinite(clip.audio).all() and clip.audio.shape == (16_000,)
        except UserError as error:
            assert len(str(error).splitlines()) <= 3 and "1_wayne" in str(error)
            return "refused when read"
    return "read"


def _fuzz(root: Path, count: int, seed: int) -> None:
    rng = random.Random(seed)
    weights = np.random.default_rng(seed).uniform(0, 1, (FRAMES, 51)).round(3)
    motion = json.dumps(beat_content(weights)).encode()
    root.mkdir()
    write_wav(root / "x.wav", FRAMES * 16_000 // 60)
    sound = (root / "x.wav").read_bytes()
    outcomes: Counter[tuple[str, str]] = Counter()
    slowest = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(count):
            shutil.rmtree(root)
            root.mkdir()
            kind = make_case(root, rng, motion, sound)
            start = time.perf_counter()
            try:
                outcomes[kind, read_all(root)] += 1
            except Exception as error:
                raise AssertionError(f"input {number} of seed {seed}, {kind}") from error
            slowest = max(slowest, time.perf_counter() - start)
    print(f"\nBEAT: {count:,} damaged inputs, seed {seed}; the slowest took {slowest:.2f} s")
    for (kind, outcome), times in sorted(outcomes.items()):
        print(f"  {kind:12s} {outcome:20s} {times:6,d}")
    totals = Counter[str]()
    for (_, outcome), times in outcomes.items():
        totals[outcome] += times
    assert sum(totals.values()) == count
    # Damage that nothing notices, or that nothing survives, would mean that little is tested.
    assert all(totals[outcome] > count / 50 for outcome in ("read", "refused when opened"))


def test_damaged_files(tmp_path: Path) -> None:
    _fuzz(tmp_path / "beat", 120, 1)


@pytest.mark.slow
def test_10_000_damaged_files(tmp_path: Path) -> None:
    _fuzz(tmp_path / "beat", 10_000, 0)
