from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from talking_heads.corpus import Clip, Corpus, load_corpus
from talking_heads.corpus.components import component_curve, component_report, component_table
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, Motion, get_face

SILENCE = np.zeros(16000, np.float32)


def corpus(shapes, speakers=("a",), frames=40):
    """Every speaker moves some shapes at random."""
    rng = np.random.default_rng(0)
    clips, splits = [], {"train": [], "test_seen": [], "test_unseen": []}
    for number, speaker in enumerate(speakers):
        for split in splits:
            values = np.zeros((frames, 52), np.float32)
            values[:, [ARKIT_INDEX[n] for n in shapes]] = rng.uniform(0, 0.3, (frames, len(shapes)))
            motion = Motion(values, "coefficients", face_id=f"head-{number + 1:02d}@medium")
            clips.append(Clip(f"{speaker}-{split}", speaker, SILENCE, (motion,)))
            splits[split].append(clips[-1].id)
    faces = {s: f"head-{i + 1:02d}@medium" for i, s in enumerate(speakers)}
    return Corpus("toy", tuple(clips), {k: tuple(v) for k, v in splits.items()},
                  tuple(speakers), faces)  # fmt: skip


@pytest.fixture
def stiff(monkeypatch):
    """Without soft tissue, so that few shapes make few dimensions."""
    from talking_heads.corpus import components

    whole = components.surface_motion
    monkeypatch.setattr(
        components, "surface_motion", lambda *a, **k: whole(*a, soft_tissue=False, **k)
    )


def test_two_straight_shapes_of_one_head_are_two_components(stiff):
    curve = component_curve(corpus(["browInnerUp", "mouthUpperUpLeft"]), (1, 2, 3))["test_seen"]
    assert curve[1] > 20 * curve[2] and curve[2] < 1e-3
    assert curve[3] <= curve[2] + 1e-6


def test_bent_motion_and_other_heads_need_more(stiff):
    straight = component_curve(corpus(["mouthUpperUpLeft", "mouthLeft"]), (2,))["test_seen"][2]
    bent = component_curve(corpus(["jawOpen", "mouthPucker"]), (2,))["test_seen"][2]
    both = component_curve(corpus(["jawOpen", "mouthPucker"], ("a", "b", "c")), (2,))["test_seen"][
        2
    ]
    assert straight < 1e-3 < 0.03 < bent < both


def test_one_component_is_the_best_line(stiff):
    """Against a plain singular value decomposition."""
    data = corpus(["jawOpen", "mouthSmileLeft"])
    face = get_face("head-01@low")
    lips = face.regions["lips"]

    def offsets(split):
        values = np.concatenate([clip.motion.values for clip in data.split(split)])
        return (face.pose(values)[:, lips] - face.vertices[lips]).reshape(len(values), -1)

    train, test = offsets("train").astype(float), offsets("test_unseen").astype(float)
    mean = train.mean(0)
    line = np.linalg.svd(train - mean, full_matrices=False)[2][:1]
    left = (test - mean) - (test - mean) @ line.T @ line
    wanted = 1000 * np.linalg.norm(left.reshape(len(test), -1, 3), axis=2).max(1).mean()
    curve = component_curve(data, (1,), fit="lips", tests=("test_unseen",))
    assert curve["test_unseen"][1] == pytest.approx(wanted, rel=1e-3)


def test_noise_and_soft_tissue_leave_more():
    data = corpus(["jawOpen", "mouthPucker"])
    plain, noisy = (component_curve(data, (16,), noise=n)["test_seen"][16] for n in (False, True))
    assert noisy > plain + 0.02
    assert component_curve(data, (16,), noise=True)["test_seen"][16] == noisy


def test_wrong_questions_are_refused():
    data = corpus(["jawOpen"])
    with pytest.raises(UserError, match="fit"):
        component_curve(data, fit="ears")
    with pytest.raises(UserError, match="1 or more"):
        component_curve(data, (0, 2))
    with pytest.raises(UserError, match="split"):
        component_curve(data, tests=("nowhere",))
    with pytest.raises(UserError, match="huge"):
        component_curve(data, resolution="huge")
    empty = replace(data, splits={**data.splits, "train": ()})
    with pytest.raises(UserError, match="no frames"):
        component_curve(empty)


def test_the_report_holds_the_four_curves():
    data = corpus(["jawOpen", "mouthPucker", "mouthSmileLeft"])
    report = component_report(data)
    assert list(report["curves"]) == ["skin", "skin scanned", "lips", "lips scanned"]
    alone = component_curve(data, noise=True, fit="lips")["test_seen"]
    assert report["curves"]["lips scanned"]["test_seen"] == {
        count: round(error, 3) for count, error in alone.items()
    }
    lines = component_table(report).splitlines()
    assert len(lines) == 1 + 4 * 2
    assert lines[1].split()[:2] == ["skin", "test_seen"]
    assert float(lines[1].split()[2]) == round(report["curves"]["skin"]["test_seen"][1], 2)


def test_scan_noise_is_the_clips_own():
    """Another seed in the clip, another surface; and the same as the clip's vertices."""
    data = corpus(["jawOpen"])
    one, two = (
        component_curve(
            replace(data, clips=tuple(replace(clip, noise_seed=seed) for clip in data.clips)),
            (4,), noise=True,
        )["test_seen"][4]
        for seed in (1, 2)
    )  # fmt: skip
    assert one != two


def test_a_mesh_of_its_own_is_refused(mini_biwi: Path) -> None:
    with pytest.raises(UserError, match="mesh of its own"):
        component_curve(load_corpus(mini_biwi))
