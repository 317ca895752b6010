import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from talking_heads.corpus.collection import Corpus
from talking_heads.corpus.heads import course_head
from talking_heads.errors import UserError
from talking_heads.face import Motion
from talking_heads.models import MotionContract
from talking_heads.training.rate_distortion import (
    code_use,
    measure_prior,
    prior_figures,
    prior_view,
    recordings,
)

LOW = course_head("head-01@low")
FOREHEAD = next(v for v in LOW.regions["upper_face"] if v not in LOW.regions["lips"])


@pytest.fixture(scope="module")
def scanned(corpus: Corpus) -> Corpus:
    clips = tuple(dataclasses.replace(clip, noise_seed=n) for n, clip in enumerate(corpus))
    return dataclasses.replace(corpus, clips=clips)


class Moved:
    """Gives a motion back with something added."""

    bits = None

    def __init__(
        self, corpus: Corpus, kind: str = "vertices", by: float = 0.0, above: float = 0.0
    ) -> None:
        of_vertices = kind == "vertices"
        self.contract = MotionContract(
            speakers=("ada",),
            heads=("head-01@low",),
            kind=kind,
            vertices=len(LOW.vertices) if of_vertices else 0,
            topology_hash=LOW.topology_hash if of_vertices else None,
            average_head="neutral@low",
        )
        self.by, self.above = by, above
        self.seen: list[Motion] = []

    def reconstruct(self, motion: Motion) -> Motion:
        self.seen.append(motion)
        values = motion.values.copy()
        if motion.kind == "vertices":
            values[:, LOW.regions["lips"][0], 1] += self.by
            values[:, FOREHEAD, 1] += self.above
        return dataclasses.replace(motion, values=values)


def clean(corpus: Corpus, split: str) -> list[NDArray[np.float32]]:
    return [clip.vertices("low", noise=False) for clip in corpus.split(split)]


def test_errors_by_hand(corpus: Corpus) -> None:
    """Without noise all that is wrong is a vertex of the lips, by 2 mm, and one above, by 3."""
    found = measure_prior(Moved(corpus, by=0.002, above=0.003), corpus, "test_seen")
    frames = sum(map(len, corpus.split("test_seen")))
    assert (found["clips"], found["motions"], found["frames"]) == (2, 2, frames)
    assert found["unit"] == "mm" and found["bits"] is None and "codes" not in found
    assert found["lips"] == {"value": 2.0, "interval": [2.0, 2.0]}
    assert found["face"] == {"value": 3.0, "interval": [3.0, 3.0]}
    assert found["mean"]["value"] == pytest.approx(5 / len(LOW.vertices), abs=1e-4)
    truth = np.concatenate(clean(corpus, "test_seen"))
    still = np.linalg.norm(truth[:, LOW.regions["lips"]], axis=2).max(1).mean()
    assert found["at_rest"]["lips"] == pytest.approx(1000 * still, abs=1e-3)
    whole = np.linalg.norm(truth, axis=2).max(1).mean()
    assert found["at_rest"]["face"] == pytest.approx(1000 * whole, abs=1e-3)


def test_a_prior_sees_the_scan_and_is_compared_with_the_motion(scanned: Corpus) -> None:
    prior = Moved(scanned)
    found = measure_prior(prior, scanned, "test_seen")
    scans = [clip.vertices("low") for clip in scanned.split("test_seen")]
    for seen, scan in zip(prior.seen, scans, strict=True):
        np.testing.assert_array_equal(seen.values, scan)
    truth = np.concatenate(clean(scanned, "test_seen"))
    errors = np.linalg.norm(np.concatenate(scans) - truth, axis=2)
    assert found["face"]["value"] == pytest.approx(1000 * errors.max(1).mean(), abs=1e-3)
    assert 0.05 < found["mean"]["value"] < 1


def test_coefficients_have_no_unit_but_the_head_that_wears_them(corpus: Corpus) -> None:
    """As those of BEAT. A mesh without a unit, BIWI's, is in test_real_sets."""
    plain = dataclasses.replace(corpus, unit=None)
    found = measure_prior(Moved(plain, by=0.002), plain, "test_seen")
    assert found["unit"] == "mm" and found["lips"] == {"value": 2.0, "interval": [2.0, 2.0]}


def test_the_resolution_is_that_of_the_prior(scanned: Corpus) -> None:
    head = course_head("head-01@medium")
    prior = Moved(scanned)
    prior.contract = dataclasses.replace(
        prior.contract, average_head="neutral@medium", vertices=len(head.vertices),
        topology_hash=head.topology_hash,
    )  # fmt: skip
    assert prior_view(prior, scanned) == "vertices@medium"
    assert prior_view(Moved(scanned, "coefficients"), scanned) == "coefficients"
    (clip,) = scanned.split("test_seen")[:1]
    scan = next(iter(recordings(scanned, "test_seen", view="vertices@medium"))).scan
    assert scan.values.shape == (len(clip), len(head.vertices), 3)
    assert (scan.face_id, scan.speaker) == ("neutral@medium", clip.speaker)


def test_figures_are_of_the_splits_that_test(corpus: Corpus) -> None:
    splits = {**corpus.splits, "val": corpus.splits["test_seen"][:1]}
    found = prior_figures(Moved(corpus), dataclasses.replace(corpus, splits=splits))  # type: ignore[arg-type]
    assert set(found) == {"test_seen", "test_unseen"}


def test_all_truths_and_some_clips(scanned: Corpus) -> None:
    prior = Moved(scanned)
    found = measure_prior(prior, scanned, "test_seen", truths=5, clips=1)
    assert (found["clips"], found["motions"]) == (1, 2)
    # One clip: nothing varies.
    assert found["lips"]["interval"] is None
    assert not np.array_equal(prior.seen[0].values, prior.seen[1].values)


def test_recordings_serve_several_times(scanned: Corpus) -> None:
    given = list(recordings(scanned, "test_seen"))
    twice = [measure_prior(Moved(scanned), scanned, "test_seen", given=given) for _ in range(2)]
    assert twice[0] == twice[1] == measure_prior(Moved(scanned), scanned, "test_seen")


def test_coefficients_are_compared_on_the_face(scanned: Corpus) -> None:
    found = measure_prior(Moved(scanned, "coefficients"), scanned, "test_seen")
    # They bear no noise, and soft tissue follows from them.
    assert found["face"]["value"] == pytest.approx(0, abs=1e-4)
    assert found["at_rest"]["lips"] > 1


def test_what_does_not_fit_is_refused(corpus: Corpus) -> None:
    slow = Moved(corpus)
    slow.contract = dataclasses.replace(slow.contract, fps=30.0)
    with pytest.raises(UserError, match="frames a second"):
        measure_prior(slow, corpus, "test_seen")
    with pytest.raises(UserError, match="no split"):
        measure_prior(Moved(corpus), corpus, "nothing")
    with pytest.raises(UserError, match="no view"):
        list(recordings(corpus, "test_seen", view="vertices@huge"))


def test_use_of_codes_by_hand() -> None:
    codes = np.array([[0, 1], [0, 1], [2, 1], [2, 1]])
    used = code_use(codes, 8)
    # 0, 1 and 2 with shares 1/4, 1/2 and 1/4: an entropy of 1.5 bits.
    assert used["size"] == 8 and used["used"] == 3
    assert used["perplexity"] == pytest.approx(2**1.5, abs=0.01)
    assert used["by_component"] == [
        {"used": 2, "perplexity": 2.0},
        {"used": 1, "perplexity": 1.0},
    ]
    assert used["entropy_bits"] == 1.0
