"""The protocol of `evaluate`: what is asked, what is compared, and what is said about it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from talking_heads.corpus import load_corpus
from talking_heads.corpus.clip import Clip
from talking_heads.corpus.collection import Corpus
from talking_heads.corpus.heads import Surface
from talking_heads.corpus.lazy import LazyMotion, SoundFile
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, Motion
from talking_heads.metrics.arrays import smooth_as_published
from talking_heads.metrics.measure import measure_clip
from talking_heads.models import DiffSpeakerConfig
from talking_heads.training import TrainConfig, train
from talking_heads.training.evaluate import evaluate, evaluate_all
from talking_heads.training.evaluation import evaluate_lips
from talking_heads.training.report import comparison_table, result_table, write_results
from talking_heads.training.styles import choose_styles

VERTICES = 8
LIPS, UPPER = (0, 1, 2, 3), (4, 5)
Change = Callable[[NDArray[np.float32], str | None, int], NDArray[np.float32]]


def _same(values: NDArray[np.float32], style: str | None, seed: int) -> NDArray[np.float32]:
    return values


def _key(sound: NDArray[np.float32]) -> int:
    """Tell sounds apart, however much silence follows them."""
    return zlib.crc32(np.trim_zeros(sound, "b").tobytes())


class Echo:
    """Knows the first truth of each clip by its sound, and changes it."""

    def __init__(
        self,
        corpus: Corpus,
        change: Change = _same,
        *,
        speakers: tuple[str, ...] = (),
        random: bool = True,
        average: bool = True,
    ) -> None:
        self.by_sound = {_key(clip.audio): clip for clip in corpus}
        self.change, self.speakers, self.random = change, speakers, random
        self.has_average_style = average
        self.asked: list[tuple[str, str | None, int]] = []

    def animate(
        self, audio: NDArray[np.float32], *, speaker: str | None = None, seed: int = 0
    ) -> Motion:
        clip = self.by_sound[_key(audio)]
        self.asked.append((clip.id, speaker, seed))
        motion = clip.motion
        return Motion(
            self.change(motion.values, speaker, seed), motion.kind, motion.fps, motion.face_id
        )


def moved(x: float) -> Change:
    """Shift all vertices by `x` metres to the side."""
    return lambda values, style, seed: values + np.array([x, 0, 0], np.float32)


def vertex_corpus(frames: tuple[int, ...] = (10, 20, 30), unit: str | None = "m") -> Corpus:
    """Clips of a mesh of eight vertices, two speakers, at 30 frames a second."""
    rng = np.random.default_rng(5)
    speakers = ("zoe", "kim")
    surface = Surface(
        "tiny",
        {who: rng.normal(size=(VERTICES, 3)).astype(np.float32) for who in speakers},
        regions={"lips": np.array(LIPS), "upper_face": np.array(UPPER)},
        lip_pairs=np.array([[0, 1], [2, 3]]),
        unit=unit,
    )
    clips = []
    for number, length in enumerate(frames):
        who = speakers[number % 2]
        values = 0.01 * rng.normal(size=(length, VERTICES, 3)).astype(np.float32)
        clips.append(
            Clip(
                id=f"{who}-{number}",
                speaker=who,
                source=rng.normal(size=length * 533).astype(np.float32),
                truths=(Motion(values, "vertices", 30.0, f"{who}@tiny"),),
            )
        )
    ids = tuple(clip.id for clip in clips)
    return Corpus(
        name="tiny",
        clips=tuple(clips),
        splits={"train": ids[:1], "test": ids, "none": ()},
        speakers=speakers,
        face_ids={who: f"{who}@tiny" for who in speakers},
        fps=30.0,
        unit=unit,
        surface=surface,
    )


def value(result: dict[str, Any], name: str) -> float:
    return float(result["metrics"][name]["value"])


def test_the_truth_has_no_error() -> None:
    tiny = vertex_corpus()
    result = evaluate(Echo(tiny), tiny, "test")
    for name, figure in result["metrics"].items():
        assert figure["value"] == 0 and figure["interval"] == [0, 0], name
    assert {"lve", "lve_squared_pooled", "mod", "fdd", "fdd_absolute"} <= set(result["metrics"])
    assert (result["clips"], result["frames"]["compared"]) == (3, 60)


def test_the_truth_of_coefficients_has_no_error(corpus: Corpus) -> None:
    single = replace(corpus, clips=tuple(replace(c, truths=c.truths[:1]) for c in corpus))
    result = evaluate(Echo(single), single, "test_seen")
    perfect = {"aperture_correlation": 1.0, "closure_rate": 1.0}
    for name in result["metrics"]:
        assert value(result, name) == pytest.approx(perfect.get(name, 0.0), abs=1e-12), name
    assert {"lve", "mbe", "lbe_published", "closure_rate"} <= set(result["metrics"])
    assert result["truth_diversity"] == {}


def test_a_shift_gives_the_known_error() -> None:
    tiny = vertex_corpus()
    result = evaluate(Echo(tiny, moved(0.003)), tiny, "test")
    expected = {"lve": 0.003, "lve_squared_pooled": 9e-6, "lve_squared_clips": 9e-6, "mve": 0.003}
    for name, wanted in expected.items():
        assert value(result, name) == pytest.approx(wanted, rel=1e-4), name
    for name in ("lve_meshtalk", "mod"):
        assert value(result, name) == pytest.approx(0, abs=1e-8), name
    assert "lve                 3 mm" in result_table(result)


def test_long_clips_weigh_more_where_frames_are_pooled() -> None:
    tiny = vertex_corpus((10, 30))
    off = {"zoe": 0.001, "kim": 0.003}
    model = Echo(tiny, speakers=("zoe", "kim"))
    model.change = lambda values, style, seed: (
        values + np.float32(off[str(style)]) * np.array([1, 0, 0], np.float32)
    )
    result = evaluate(model, tiny, "test")
    assert value(result, "lve") == pytest.approx((10 * 1e-3 + 30 * 3e-3) / 40, rel=1e-4)
    assert value(result, "lve_squared_pooled") == pytest.approx((10 + 30 * 9) / 40 * 1e-6, rel=1e-3)
    assert value(result, "lve_squared_clips") == pytest.approx((1 + 9) / 2 * 1e-6, rel=1e-3)
    by_speaker = result["metrics"]["lve"]["by_speaker"]
    assert by_speaker == pytest.approx({"zoe": 0.001, "kim": 0.003}, rel=1e-4)


def test_seeds_their_mean_and_their_diversity() -> None:
    tiny = vertex_corpus()
    model = Echo(tiny)
    model.change = lambda values, style, seed: (
        values + np.float32(0.001 * seed) * np.array([0, 1, 0], np.float32)
    )
    result = evaluate(model, tiny, "test", seeds=3)
    assert [seed for _, _, seed in model.asked] == [0, 1, 2] * 3
    assert result["metrics"]["lve"]["by_seed"] == pytest.approx([0, 0.001, 0.002], abs=1e-7)
    assert value(result, "lve") == pytest.approx(0.001, rel=1e-4)
    # Pairs of seeds are 1, 1 and 2 mm apart.
    assert value(result, "diversity") == pytest.approx(4e-3 / 3, rel=1e-4)
    assert result["metrics"]["diversity"]["by_seed"] == [pytest.approx(4e-3 / 3, rel=1e-4)]
    assert result["metrics"]["lve"]["interval_over"] == "clips and seeds"
    assert "diversity" not in evaluate(model, tiny, "test")["metrics"]


def test_a_model_without_chance_is_asked_once() -> None:
    tiny = vertex_corpus()
    model = Echo(tiny, moved(0.002), random=False)
    result = evaluate(model, tiny, "test", seeds=5)
    assert len(model.asked) == 3 and result["seeds"] == [0]
    assert value(result, "diversity") == 0
    assert any("chance" in note for note in result["notes"])


def test_figures_are_means_over_the_truths(corpus: Corpus) -> None:
    model = Echo(corpus)
    result = evaluate(model, corpus, "test_seen")
    clips = list(corpus.split("test_seen"))
    errors = [
        measure_clip(true.values, clip.motion.values)["mbe"]
        for clip in clips
        for true in clip.truths
    ]
    assert value(result, "mbe") == pytest.approx(np.mean([a / b for a, b in errors]))
    assert result["truths"] == 4
    # Two truths: one pair of each clip.
    apart = [np.linalg.norm(a.values - b.values, axis=1).mean()
             for clip in clips for a, b in combinations(clip.truths, 2)]  # fmt: skip
    found = result["truth_diversity"]["diversity_blendshapes"]
    assert found == pytest.approx(np.mean(apart), rel=1e-5)


def test_truths_against_each_other(corpus: Corpus) -> None:
    result = evaluate("truth", corpus, "test_seen", seeds=4)
    assert result["model"] == {"name": "truth"} and result["seeds"] == []
    own = result["truth_diversity"]["diversity_blendshapes"]
    # Either of two truths is as far from the other.
    assert value(result, "mbe") == pytest.approx(own, rel=1e-5)
    assert value(result, "diversity_blendshapes") == pytest.approx(own)
    # Each against the other: the signed ones are 0 by construction, and would look perfect.
    assert "fdd_absolute" in result["metrics"]
    assert not {"fdd", "fdd_norm", "fdd_blendshapes"} & set(result["metrics"])
    assert any("cancel" in note for note in result["notes"])
    assert "\nfdd  " not in result_table(result)
    with pytest.raises(UserError, match=r"Not to be had .*fdd"):
        evaluate("truth", corpus, "test_seen", metrics=["fdd"])
    told = evaluate("truth", corpus, "test_seen", metrics=["lve"])["notes"]
    assert not any("cancel" in note for note in told)
    assert result["time"] is None
    tiny = vertex_corpus()
    with pytest.raises(UserError, match="several truths"):
        evaluate("truth", tiny, "test")


def test_agrees_with_the_figures_of_training(corpus: Corpus) -> None:
    def duller(values: NDArray[np.float32], style: str | None, seed: int) -> NDArray[np.float32]:
        late = np.roll(values, 1 + seed, axis=0)
        return np.asarray(0.7 * late, np.float32)

    # The heads of the clips' motions, as in a built corpus.
    corpus = replace(corpus, face_ids=dict.fromkeys(corpus.face_ids, "neutral@low"))
    model = Echo(corpus, duller, speakers=("ada", "ben"))
    result = evaluate(model, corpus, "test_seen", seeds=2)
    other = evaluate_lips(model, corpus, "test_seen", (0, 1))
    assert value(result, "aperture_correlation") == pytest.approx(
        other["aperture_correlation"], abs=1e-4
    )
    assert value(result, "closure_rate") == pytest.approx(other["closure_rate"], abs=1e-4)
    for ours, theirs in (("aperture_error", "aperture_error_mm"), ("lve", "max_lip_error_mm")):
        assert 1000 * value(result, ours) == pytest.approx(other[theirs], abs=1e-4)


def test_the_truth_is_taken_without_scan_noise(corpus: Corpus) -> None:
    noisy = replace(
        corpus, clips=tuple(replace(c, truths=c.truths[:1], noise_seed=3) for c in corpus)
    )
    assert value(evaluate(Echo(noisy), noisy, "test_seen", metrics=("lve",)), "lve") == 0


@pytest.mark.parametrize("change", [-3, 4])
def test_lengths_that_differ_are_told(change: int) -> None:
    tiny = vertex_corpus()

    def other_length(
        values: NDArray[np.float32], style: str | None, seed: int
    ) -> NDArray[np.float32]:
        values = values + np.array([0.002, 0, 0], np.float32)
        longer = np.concatenate([values, np.ones((max(change, 0), VERTICES, 3), np.float32)])
        return longer[: len(values) + change]

    result = evaluate(Echo(tiny, other_length), tiny, "test")
    frames = result["frames"]
    assert frames["cut_clips"] == 3 and frames["dropped"] == 3 * abs(change)
    assert frames["compared"] == 60 + 3 * min(change, 0)
    assert value(result, "lve") == pytest.approx(0.002, rel=1e-4)
    assert any("3 of 3 clips" in note for note in result["notes"])


def test_clips_too_short_are_left_out_and_named() -> None:
    tiny = vertex_corpus((1, 12))
    result = evaluate(Echo(tiny), tiny, "test")
    assert result["clips"] == 1
    assert any("zoe-0" in note for note in result["notes"])
    short = vertex_corpus((1,))
    with pytest.raises(UserError, match="nothing to measure"):
        evaluate(Echo(short), short, "test")


def test_smoothing_is_what_the_published_program_does() -> None:
    tiny = vertex_corpus((15,))
    rough = np.random.default_rng(0).normal(size=(15, VERTICES, 3)).astype(np.float32)
    model = Echo(tiny, lambda values, style, seed: values + rough)
    result = evaluate(model, tiny, "test", smooth=True)
    true = tiny[0].motion.values
    total, count = measure_clip(true, smooth_as_published(true + rough), lips=LIPS)["lve"]
    assert value(result, "lve") == pytest.approx(total / count, rel=1e-5)
    assert any("smoothed" in note for note in result["notes"])
    assert result["smooth"] and not evaluate(model, tiny, "test")["smooth"]


@pytest.mark.parametrize(
    ("speakers", "average", "style", "asked", "rule"),
    [
        (("zoe", "kim"), True, "own", ["zoe", "kim", "zoe"], {"own": 3}),
        (("zoe",), True, "own", ["zoe", None, "zoe"], {"own": 2, "average": 1}),
        (("zoe", "bob"), False, "own", ["zoe", "zoe", "bob", "zoe"], {"own": 2, "each": 1}),
        (("a", "b"), True, "each", ["a", "b"] * 3, {"each": 3}),
        (("a", "b"), True, "average", [None] * 3, {"average": 3}),
        (("a", "b"), True, "b", ["b"] * 3, {"named": 3}),
        ((), True, "own", [None] * 3, {"none": 3}),
    ],
)
def test_styles(
    speakers: tuple[str, ...], average: bool, style: str, asked: list[str], rule: dict[str, int]
) -> None:
    tiny = vertex_corpus()
    model = Echo(tiny, speakers=speakers, average=average)
    result = evaluate(model, tiny, "test", style=style)
    assert [speaker for _, speaker, _ in model.asked] == asked
    assert result["style"] == {"asked": style, "used": rule}
    if "average" in rule and style == "own":
        assert any("does not know" in note and "average" in note for note in result["notes"])
    if "each" in rule and style == "own":
        assert any("no average style" in note for note in result["notes"])


def test_each_style_counts_alike_and_their_diversity_is_their_own() -> None:
    tiny = vertex_corpus()
    off = {"a": (0.0, 0.0005), "b": (0.002, 0.001), "c": (0.004, 0.0015)}
    model = Echo(tiny, speakers=tuple(off))
    model.change = lambda values, style, seed: (
        values
        + np.float32(off[str(style)][0] + off[str(style)][1] * seed)
        * np.array([1, 0, 0], np.float32)
    )
    result = evaluate(model, tiny, "test", style="each", seeds=2)
    assert value(result, "lve") == pytest.approx(0.002 + 0.001 / 2, rel=1e-3)
    # Styles at the first seed; seeds within each style.
    assert value(result, "diversity_styles") == pytest.approx((2 + 2 + 4) / 3 * 1e-3, rel=1e-3)
    assert value(result, "diversity") == pytest.approx((0.5 + 1 + 1.5) / 3 * 1e-3, rel=1e-3)


def test_the_whole_protocol_against_plain_loops() -> None:
    tiny = vertex_corpus((6, 9, 14, 5))
    styles, seeds = ("a", "b", "c"), 2

    def noise(values: NDArray[np.float32], style: str | None, seed: int) -> NDArray[np.float32]:
        rng = np.random.default_rng([len(values), "abc".index(str(style)), seed])
        return values + 0.01 * rng.normal(size=values.shape).astype(np.float32)

    model = Echo(tiny, noise, speakers=styles)
    result = evaluate(model, tiny, "test", style="each", seeds=seeds)
    pooled, frames, of_clips, absolute = [0.0, 0.0], 0, [0.0, 0.0], 0.0
    for clip in tiny:
        true = clip.motion.values.astype(float)
        frames += len(true)
        for seed in range(seeds):
            for style in styles:
                made = noise(clip.motion.values, style, seed).astype(float)
                worst = [
                    max(sum((made[t][v] - true[t][v]) ** 2) for v in LIPS) for t in range(len(true))
                ]
                pooled[seed] += sum(w**0.5 for w in worst) / len(styles)
                of_clips[seed] += sum(worst) / len(true) / len(styles) / len(tiny)
                size = [
                    [np.std([sum(motion[t][v] ** 2) for t in range(len(true))]) for v in UPPER]
                    for motion in (true, made)
                ]
                absolute += abs(np.mean(size[0]) - np.mean(size[1])) / (seeds * 3 * len(tiny))
    lve, squared = result["metrics"]["lve"], result["metrics"]["lve_squared_clips"]
    assert lve["by_seed"] == pytest.approx([total / frames for total in pooled], rel=1e-5)
    assert lve["value"] == pytest.approx(sum(pooled) / (2 * frames), rel=1e-5)
    assert squared["by_seed"] == pytest.approx(of_clips, rel=1e-5)
    assert value(result, "fdd_absolute") == pytest.approx(absolute, rel=1e-4)


def test_styles_that_cannot_be() -> None:
    tiny = vertex_corpus()
    model = Echo(tiny, speakers=("zoe",), average=False)
    with pytest.raises(UserError, match="own, average, each, zoe"):
        choose_styles(model, "zoe", "mia")
    with pytest.raises(UserError, match="without an average"):
        choose_styles(model, "zoe", "average")


def test_only_the_metrics_that_are_asked_for(corpus: Corpus) -> None:
    wanted = ("lve", "closure_rate", "time", "diversity_styles")
    result = evaluate(Echo(corpus), corpus, "test_seen", metrics=wanted)
    assert set(result["metrics"]) == {"lve", "closure_rate"}
    assert result["time"]["calls"] == 1 and result["time"]["threads"] >= 1
    assert any("diversity_styles" in note for note in result["notes"])
    assert evaluate(Echo(corpus), corpus, "test_seen", metrics=("time",))["metrics"] == {}
    assert evaluate(Echo(corpus), corpus, "test_seen", metrics=("lve",))["time"] is None
    tiny = vertex_corpus()
    with pytest.raises(UserError, match=r"Not to be had.*mbe"):
        evaluate(Echo(tiny), tiny, "test", metrics=("mbe",))


def test_regions_that_are_not_known_are_told() -> None:
    tiny = vertex_corpus()
    assert tiny.surface is not None
    bare = replace(tiny, surface=replace(tiny.surface, regions={}, lip_pairs=None))
    result = evaluate(Echo(bare), bare, "test")
    assert set(result["metrics"]) == {"mve"}
    assert any("lve" in note and "not known" in note for note in result["notes"])


def test_a_data_set_without_unit_prints_none() -> None:
    tiny = vertex_corpus(unit=None)
    result = evaluate(Echo(tiny, moved(0.25)), tiny, "test")
    assert result["unit"] is None
    assert "mm" not in result_table(result).partition("\n\n")[2].partition("\n\n")[0].replace(
        "time", ""
    ).replace(" ms", "")
    assert any("no unit" in note for note in result["notes"])


def test_coefficients_of_a_set_without_unit_are_shown_on_a_head_in_metres(corpus: Corpus) -> None:
    beat = replace(
        corpus, unit=None, layout="beat", face_ids=dict.fromkeys(corpus.face_ids, "neutral@low")
    )
    result = evaluate(Echo(beat), beat, "test_seen")
    assert result["unit"] == "m" and result["metrics"]["lve"]["unit"] == "m"
    assert any("neutral head" in note for note in result["notes"])


def test_vertices_of_the_course_head(corpus: Corpus) -> None:
    """A model of the course that makes vertices is measured on the same skin."""
    low = {clip.audio.tobytes(): clip for clip in corpus}

    class Skin:
        speakers: tuple[str, ...] = ()

        def animate(
            self, audio: NDArray[np.float32], *, speaker: str | None = None, seed: int = 0
        ) -> Motion:
            clip = low[audio.tobytes()]
            values = replace(clip, noise_seed=None).vertices("low")
            return Motion(values, "vertices", face_id="head-01@low")

    single = replace(corpus, clips=tuple(replace(c, truths=c.truths[:1]) for c in corpus))
    same_head = replace(single, face_ids=dict.fromkeys(corpus.face_ids, "neutral@low"))
    result = evaluate(Skin(), same_head, "test_seen")
    assert value(result, "lve") == pytest.approx(0, abs=1e-8)
    assert value(result, "aperture_correlation") == pytest.approx(1, abs=1e-3)
    assert "mbe" not in result["metrics"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"split": "dev"}, ("dev", "train", "test")),
        ({"split": "none"}, ("nothing to measure",)),
        ({"seeds": 0}, ("1 to 100",)),
        ({"seeds": 101}, ("1 to 100",)),
        ({"metrics": ("lve", "bleu")}, ("bleu", "fdd_absolute", "closure_rate", "time")),
        ({"metrics": ()}, ("at least one",)),
        ({"style": "mia"}, ("mia", "average")),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], words: tuple[str, ...]) -> None:
    tiny = vertex_corpus()
    with pytest.raises(UserError) as refused:
        evaluate(Echo(tiny), tiny, **{"split": "test", **options})
    message = str(refused.value)
    assert all(word in message for word in words) and len(message.splitlines()) <= 3


def test_models_that_do_not_fit(corpus: Corpus) -> None:
    tiny = vertex_corpus()

    class Other(Echo):
        def __init__(self, made: Motion) -> None:
            super().__init__(tiny)
            self.made = made

        def animate(
            self, audio: NDArray[np.float32], *, speaker: str | None = None, seed: int = 0
        ) -> Motion:
            return self.made

    values = np.zeros((10, VERTICES + 1, 3), np.float32)
    for motion, word in (
        (Motion(np.zeros((10, 52), np.float32), "coefficients", 30.0), "coefficients"),
        (Motion(values, "vertices", 30.0), "9 vertices"),
        (Motion(values[:, 1:], "vertices", 25.0), "25 frames a second"),
    ):
        with pytest.raises(UserError, match=word):
            evaluate(Other(motion), tiny, "test")


def test_sound_and_motion_are_read_once_and_one_clip_at_a_time() -> None:
    tiny = vertex_corpus()
    reads: list[str] = []

    class Sound(SoundFile):
        def read(self) -> NDArray[np.float32]:
            reads.append(f"sound of {self.path}")
            return tiny.clip(str(self.path)).audio

    def lazy(clip: Clip) -> Clip:
        motion = clip.motion

        def load(start: int, stop: int) -> NDArray[np.float32]:
            reads.append(clip.id)
            return motion.values[start:stop]

        truths = LazyMotion(
            len(motion), motion.kind, motion.fps, motion.face_id, clip.speaker, load
        )
        return replace(clip, truths=truths, source=Sound(Path(clip.id)))

    model = Echo(tiny, moved(0.001))
    held = replace(tiny, clips=tuple(lazy(clip) for clip in tiny))
    result = evaluate(model, held, "test", seeds=3)
    assert reads == [what for clip in tiny for what in (f"sound of {clip.id}", clip.id)]
    assert value(result, "lve") == pytest.approx(0.001, rel=1e-4)


def test_the_file_holds_all_and_no_nan(tmp_path: Path, corpus: Corpus) -> None:
    results = evaluate_all(
        ["mean_face", "truth"], corpus, ["test_seen", "test_unseen"], seeds=2, rows=True
    )
    path = tmp_path / "results.json"
    write_results(path, results)
    text = path.read_text("utf-8")
    assert "NaN" not in text and str(tmp_path) not in text
    content = json.loads(text)
    assert [(r["model"]["name"], r["split"]) for r in content["results"]] == [
        ("mean_face", "test_seen"),
        ("truth", "test_seen"),
        ("mean_face", "test_unseen"),
        ("truth", "test_unseen"),
    ]
    first = content["results"][0]
    assert first["corpus"]["layout"] == "course" and first["corpus"]["clips"] == 8
    assert {"package", "torch", "numpy", "date"} <= set(first)
    assert {"clip", "speaker", "seed", "lve"} <= set(first["rows"][0])
    for name in first["metrics"]:
        assert content["definitions"][name]["formula"]
    for table in (comparison_table(results), result_table(results[0])):
        assert max(map(len, table.splitlines())) <= 100
        assert all(line == line.rstrip() for line in table.splitlines())


def test_rows_are_the_figures_of_clips_and_seeds() -> None:
    tiny = vertex_corpus()
    model = Echo(tiny)
    model.change = lambda values, style, seed: (
        values + np.float32(0.001 * (seed + 1)) * np.array([0, 0, 1], np.float32)
    )
    rows = evaluate(model, tiny, "test", seeds=2, rows=True)["rows"]
    assert [(row["clip"], row["seed"]) for row in rows] == [
        (clip.id, seed) for clip in tiny for seed in (0, 1)
    ]
    assert [row["lve"] for row in rows] == pytest.approx([0.001, 0.002] * 3, rel=1e-3)


def test_all_names_are_checked_before_any_work(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    from talking_heads.training import evaluate as module

    def work(*arguments: Any, **options: Any) -> None:
        raise AssertionError("a clip was animated")

    monkeypatch.setattr(module, "judge_model", work)
    for models, splits, word in (
        (["mean_face", "nobody"], ["test_seen"], "nobody"),
        (["mean_face"], ["test_seen", "dev"], "dev"),
        ([], ["test_seen"], "at least one"),
    ):
        with pytest.raises(UserError, match=word):
            evaluate_all(models, corpus, splits)


def test_of_several_models_the_one_that_fails_is_named() -> None:
    tiny = vertex_corpus()
    with pytest.raises(UserError, match=r"^truth: "):
        evaluate_all(["mean_face", "truth"], tiny, ["test"])


def test_what_the_last_model_lacks_is_said_before_the_first_is_measured(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    from talking_heads.training import evaluate as module

    def work(*arguments: Any, **options: Any) -> None:
        raise AssertionError("a clip was animated")

    monkeypatch.setattr(module, "judge_model", work)
    with pytest.raises(UserError, match=r"^truth: No clip"):
        evaluate_all(["mean_face", "truth"], vertex_corpus(), ["test"])
    with pytest.raises(UserError, match=r"^nearest: There is no style 'nobody'"):
        evaluate_all(["nearest", "mean_face"], corpus, ["test_seen"], style="nobody")


def test_a_wide_comparison_is_broken_into_blocks(corpus: Corpus) -> None:
    result = evaluate(Echo(corpus), corpus, "test_seen", metrics=("lve", "time"))
    many = [{**result, "model": {"name": f"conv_regressor_{number}"}} for number in range(12)]
    table = comparison_table(many)
    assert table.count("lve (mm)") == 2
    # A long name goes over several lines, and the columns keep their order.
    numbers = [line.split() for line in table.splitlines() if line.split()[-1:] in (["5"], ["11"])]
    assert numbers == [[str(n) for n in range(6)], [str(n) for n in range(6, 12)]]
    assert "regressor_" in table and "conv_" in table
    wild = [*many, {**result, "model": {"name": "x" * 80}}, {**result, "model": {"name": "a\nb"}}]
    for shown in (table, comparison_table(wild)):
        assert max(map(len, shown.splitlines())) <= 100


def test_a_flat_lip_correlates_with_nothing(corpus: Corpus) -> None:
    still = Echo(corpus, lambda values, style, seed: np.zeros_like(values))
    result = evaluate(still, corpus, "test_seen")
    assert value(result, "aperture_correlation") == 0
    opened = Echo(corpus, lambda values, style, seed: _open(values))
    assert value(evaluate(opened, corpus, "test_seen"), "closure_rate") == 0


def _open(values: NDArray[np.float32]) -> NDArray[np.float32]:
    out = values.copy()
    out[:, ARKIT_INDEX["jawOpen"]] = 0.8
    return out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layout", "split"), [("vocaset", "test"), ("biwi", "test_a"), ("beat", "test")]
)
def test_a_model_after_two_steps_on_each_real_layout(
    layout: str, split: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    data = load_corpus(request.getfixturevalue(f"mini_{layout}"))
    out = tmp_path / "model"
    config = DiffSpeakerConfig(width=16, layers=1, heads=2, feed_forward=32, sampling_steps=2)
    train("diff_speaker", data=data, out=out, config=config, settings=TrainConfig(steps=2, batch=2),
          evaluate=False, progress=False)  # fmt: skip
    results = evaluate_all([str(out), "mean_face"], data, [split], seeds=2)
    for result in results:
        assert result["frames"]["dropped"] == 0 and result["frames"]["compared"] > 0
        assert np.isfinite([figure["value"] for figure in result["metrics"].values()]).all()
        assert value(result, "lve") > 0
    assert value(results[0], "diversity") > 0 == value(results[1], "diversity")
    assert ("mbe" in results[0]["metrics"]) == (layout == "beat")
    assert results[0]["unit"] == (None if layout == "biwi" else "m")


def test_the_record_tells_what_was_asked_for(corpus: Corpus) -> None:
    """Clips are spread over the split: how many were asked for decides which they are."""
    tiny = vertex_corpus()
    result = evaluate(Echo(tiny), tiny, "test", seeds=2, clips=1, metrics=["lve"])
    assert result["asked"] == {"clips": 1, "seeds": 2, "metrics": ["lve"]}
    assert result["skipped"] == []
    assert any("Only 1 clip:" in note for note in result["notes"])
    whole = evaluate("truth", corpus, "test_seen")
    assert whole["intervals"] == {"level": 0.95, "draws": 1000, "seed": 0}
    assert whole["asked"] == {"clips": None, "seeds": 1, "metrics": None}
