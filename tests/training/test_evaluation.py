import numpy as np
import pytest
from pytest import MonkeyPatch

from talking_heads.corpus.collection import Corpus
from talking_heads.errors import UserError
from talking_heads.face import Motion
from talking_heads.metrics.scores import Target
from talking_heads.models import DiffSpeaker, DiffSpeakerConfig, MotionContract
from talking_heads.training import evaluate_blinks, evaluate_lips
from talking_heads.training.evaluation import _pick, blinks_a_minute


@pytest.fixture
def oracle(corpus: Corpus, monkeypatch: MonkeyPatch) -> DiffSpeaker:
    """A model that knows the truth in ben's style and mumbles in all others."""
    contract = MotionContract(speakers=("ada", "ben"), heads=("head-01@low", "head-02@low"))
    model = DiffSpeaker(DiffSpeakerConfig(width=16, layers=1, heads=2), contract)
    truth = {clip.audio.tobytes(): clip.motion.values for clip in corpus}

    def animate(
        audio: np.ndarray, *, speaker: str | None = None, seed: int = 0, **_: object
    ) -> Motion:
        values = truth[audio.tobytes()]
        if speaker != "ben":
            values = np.roll(values, 7, axis=0) * 0.1 + 0.1
        return Motion(values, "coefficients")

    monkeypatch.setattr(model, "animate", animate)
    return model


def test_styles(oracle: DiffSpeaker, corpus: Corpus) -> None:
    perfect = evaluate_lips(oracle, corpus, "test_unseen", (0, 1), style="ben")
    assert perfect["aperture_correlation"] == pytest.approx(1.0)
    assert perfect["closure_rate"] == perfect["true_closure_rate"]
    assert perfect["correlation_by_seed"] == [1.0, 1.0]
    assert perfect["max_lip_error_mm"] == pytest.approx(0, abs=1e-4)
    assert perfect["intervals"]["aperture_correlation"] == [1.0, 1.0]
    assert set(perfect["by_speaker"]) == {"maya"}
    average = evaluate_lips(oracle, corpus, "test_unseen", style=None)
    assert average["aperture_correlation"] < 0.9
    assert average["max_lip_error_mm"] > 1
    each = evaluate_lips(oracle, corpus, "test_unseen", style="each")
    assert each["by_style"]["ben"] == pytest.approx(1.0)
    assert each["by_style"]["ada"] < 0.9
    own = evaluate_lips(oracle, corpus, "test_seen")
    assert average["clips"] == 2 and own["clips"] == 2


def test_each_clip_is_animated_in_its_speakers_style(
    oracle: DiffSpeaker, corpus: Corpus, monkeypatch: MonkeyPatch
) -> None:
    asked, animate = [], oracle.animate

    def noted(audio: np.ndarray, *, speaker: str | None = None, seed: int = 0) -> Motion:
        asked.append(speaker)
        return animate(audio, speaker=speaker, seed=seed)

    monkeypatch.setattr(oracle, "animate", noted)
    evaluate_lips(oracle, corpus, "test_seen", (0, 1))
    assert asked == 2 * [clip.speaker for clip in corpus.split("test_seen")]


def test_the_picked_style_is_the_best_one_and_its_clips_do_not_count(
    oracle: DiffSpeaker, corpus: Corpus
) -> None:
    targets = [Target(clip) for clip in corpus.split("test_unseen")]
    picked, rest = _pick(oracle, targets, 0, count=1)
    assert picked == {"maya": "ben"}
    assert rest == targets[1:]


def test_too_few_clips_to_pick_a_style(oracle: DiffSpeaker, corpus: Corpus) -> None:
    with pytest.raises(UserError, match="three"):
        evaluate_lips(oracle, corpus, "test_unseen", style="picked")


def test_nothing_to_measure(oracle: DiffSpeaker, corpus: Corpus) -> None:
    with pytest.raises(UserError, match="split"):
        evaluate_lips(oracle, corpus, "holidays")
    with pytest.raises(UserError, match="nothing"):
        evaluate_lips(oracle, corpus, "test_seen", ())


def test_blinks_by_hand() -> None:
    motion = np.zeros((750, 52), dtype=np.float32)
    motion[:3, 0] = motion[100:104, 0] = motion[500:502, 0] = 0.9
    motion[300:310, 0] = 0.4
    assert blinks_a_minute([motion]) == pytest.approx(6.0)
    assert blinks_a_minute([motion, motion * 0]) == pytest.approx(3.0)


def test_blinks_of_model_and_truth(oracle: DiffSpeaker, corpus: Corpus) -> None:
    figures = evaluate_blinks(oracle, corpus, "test_seen", (0, 1), clips=1)
    assert figures == {"blinks_a_minute": 0.0, "true_blinks_a_minute": 0.0}
