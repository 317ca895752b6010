import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from talking_heads.speech import load_audio, log_mel, mel, wav_bytes
from talking_heads.speech.frames import frame_count, frame_to_sample
from talking_heads.speech.mel import (
    FLOOR_DB,
    HOP,
    MEAN_DB,
    N_FFT,
    N_MELS,
    SCALE_DB,
    SILENCE,
    WINDOW,
    mel_filters,
    mel_frame_count,
    mel_power,
)


def noise(samples: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(samples, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("rate", "n_fft", "n_mels"), [(16000, 512, 80), (16000, 400, 40), (22050, 1024, 128)]
)
def test_filters_equal_librosa(rate: int, n_fft: int, n_mels: int) -> None:
    expected = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels)
    np.testing.assert_allclose(mel_filters(rate, n_fft, n_mels), expected, atol=1e-7)


def test_every_filter_hears_something() -> None:
    assert (mel_filters().sum(axis=1) > 0).all()


def test_power_equals_librosa() -> None:
    audio = noise(32000)
    side = (N_FFT - HOP) // 2
    expected = librosa.feature.melspectrogram(
        y=np.pad(audio.numpy(), side),
        sr=16000,
        n_fft=N_FFT,
        hop_length=HOP,
        win_length=WINDOW,
        center=False,
        n_mels=N_MELS,
    ).T
    power = mel_power(audio).numpy()
    assert power.shape == expected.shape == (200, 80)
    np.testing.assert_allclose(power, expected, rtol=1e-4, atol=1e-6)


def test_decibels_and_constants() -> None:
    audio = noise(6400)
    decibels = librosa.power_to_db(mel_power(audio).numpy(), amin=1e-8, top_db=None)
    np.testing.assert_allclose(
        log_mel(audio).numpy(), (decibels - MEAN_DB) / SCALE_DB, rtol=1e-4, atol=1e-4
    )


@given(tenths=st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_seconds_give_exactly_their_frames(tenths: int) -> None:
    # 0.2 s is a whole number of motion frames.
    samples = 16000 * tenths // 5
    assert len(log_mel(noise(samples))) == 100 * tenths // 5
    assert frame_count(samples, 25) == 25 * tenths // 5


@given(samples=st.integers(0, 5000))
@settings(max_examples=40, deadline=None)
def test_frame_count_is_rounded_up(samples: int) -> None:
    frames = log_mel(noise(samples)).shape[0]
    assert frames == mel_frame_count(samples) == 4 * frame_count(samples, 25)
    assert 0 <= frames * HOP - samples < 640


def test_last_frame_is_completed_with_silence() -> None:
    audio = noise(1000)
    padded = torch.cat([audio, torch.zeros(280)])
    torch.testing.assert_close(log_mel(audio), log_mel(padded))


def test_window_is_centred_on_its_hop() -> None:
    # A click in the middle of hop 20 is loudest there, and heard as far as the window reaches.
    audio = torch.zeros(6400)
    audio[20 * HOP + HOP // 2] = 1.0
    energy = mel_power(audio).sum(dim=1)
    assert int(energy.argmax()) == 20
    heard = torch.nonzero(energy > 1e-9).flatten().tolist()
    assert heard == [19, 20, 21]


@given(cut=st.integers(1, 40), seed=st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_prefix_does_not_change_when_more_arrives(cut: int, seed: int) -> None:
    audio = noise(640 * 41, seed)
    whole, prefix = log_mel(audio), log_mel(audio[: 640 * cut])
    # Only the last frame sees 120 samples beyond the cut.
    torch.testing.assert_close(prefix[:-1], whole[: len(prefix) - 1])


def test_no_statistics_of_the_clip() -> None:
    quiet, loud = noise(6400), 5 * noise(6400, 1)
    both = log_mel(torch.cat([quiet, loud]))
    torch.testing.assert_close(both[:39], log_mel(quiet)[:39])
    # Level survives: five times is 14 dB.
    difference = (log_mel(5 * quiet) - log_mel(quiet)) * SCALE_DB
    np.testing.assert_allclose(difference.numpy(), 20 * np.log10(5), atol=0.01)


def test_silence_is_finite_and_constant() -> None:
    features = log_mel(torch.zeros(3, 6400))
    assert features.shape == (3, 40, 80)
    assert torch.all(features == (FLOOR_DB - MEAN_DB) / SCALE_DB)
    assert float(features[0, 0, 0]) == pytest.approx(SILENCE)


def test_batches_and_other_types() -> None:
    audio = noise(2560).reshape(2, 1280)
    features = log_mel(audio.reshape(1, 2, 1280))
    assert features.shape == (1, 2, 8, 80)
    torch.testing.assert_close(features[0, 1], log_mel(audio[1]))
    assert log_mel(audio.double()).dtype == torch.float32
    assert log_mel(torch.zeros(0, 1280)).shape == (0, 8, 80)
    assert log_mel(torch.zeros(2, 0)).shape == (2, 0, 80)


def test_gradients_reach_the_audio_and_survive_silence() -> None:
    audio = torch.cat([noise(1280), torch.zeros(1280)]).requires_grad_()
    log_mel(audio).sum().backward()
    assert audio.grad is not None and torch.isfinite(audio.grad).all()
    assert audio.grad[:1280].abs().sum() > 0


def test_speech_is_about_normalised(spoken: dict, tmp_path_factory: pytest.TempPathFactory) -> None:
    clips = [speech.audio for speeches in spoken.values() for speech in speeches]
    features = log_mel(torch.from_numpy(np.concatenate(clips)))
    assert abs(float(features.mean())) < 0.4
    assert 0.8 < float(features.std()) < 1.2
    # And a file made of it gives the same features as the array.
    file = tmp_path_factory.mktemp("mel") / "a.wav"
    file.write_bytes(wav_bytes(clips[0]))
    again = log_mel(torch.from_numpy(load_audio(file)))
    assert float((again - log_mel(torch.from_numpy(clips[0]))).abs().max()) < 0.5


RATES = [12.5, 24, 25, 29.97, 30, 60, 120]


def by_hand(audio: torch.Tensor, fps: float) -> np.ndarray:
    """The mel power of each frame from its own definition, one transform at a time."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    frames = 4 * frame_count(len(audio), fps)
    padded = np.pad(audio.numpy().astype(np.float64), 2000)
    rows = []
    for k in range(frames):
        middle = int(np.floor((k + 0.5) / (4 * fps) * 16_000 + 0.5)) + 2000
        block = padded[middle - WINDOW // 2 : middle + WINDOW // 2] * window
        rows.append(mel_filters() @ np.abs(np.fft.rfft(block, N_FFT)) ** 2)
    return np.array(rows)


@pytest.mark.parametrize("fps", RATES)
def test_four_mel_frames_for_each_motion_frame_at_any_rate(fps: float) -> None:
    audio = noise(frame_to_sample(9, fps) + 1)
    power = mel_power(audio, fps)
    assert power.shape == (40, 80)
    np.testing.assert_allclose(power.numpy(), by_hand(audio, fps), rtol=1e-3, atol=1e-6)


def test_both_ways_to_frame_agree() -> None:
    audio = noise(6400 + 77)[None]
    starts = mel._starts(mel_frame_count(audio.shape[-1]), 25.0, 0)
    torch.testing.assert_close(mel._even(audio, starts), mel._uneven(audio, starts))


@given(fps=st.sampled_from(RATES), first=st.integers(0, 50), length=st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_a_piece_has_the_frames_of_the_whole(fps: float, first: int, length: int) -> None:
    """To the sample, at rates that do not divide the sample rate too."""
    audio = noise(frame_to_sample(80, fps))
    last = first + length
    piece = log_mel(
        audio[frame_to_sample(first, fps) : frame_to_sample(last, fps)], fps, first=first
    )
    assert len(piece) == 4 * length
    # Frames whose window lies within the piece.
    side = int(np.ceil(200 * 4 * fps / 16_000))
    whole = log_mel(audio, fps)[4 * first : 4 * last]
    inner = slice(side, max(side, 4 * length - side))
    torch.testing.assert_close(piece[inner], whole[inner], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("fps", RATES)
def test_the_middle_of_a_mel_frame_drifts_nowhere(fps: float) -> None:
    """After ten minutes the windows still stand where the frames are."""
    count = round(600 * fps)
    starts = mel._starts(4 * count, fps, 0)
    middles = (np.arange(4 * count) + 0.5) / (4 * fps)
    assert np.abs((starts + WINDOW / 2) / 16_000 - middles).max() <= 0.5001 / 16_000
