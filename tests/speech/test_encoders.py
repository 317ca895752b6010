import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from talking_heads.errors import UserError
from talking_heads.speech import encoders
from talking_heads.speech.alignment import ALIGNMENTS
from talking_heads.speech.encoder import AudioEncoder, LogMelEncoder
from talking_heads.speech.encoders import ENCODERS, PAPERS, build_encoder, load_encoder
from talking_heads.speech.frames import frame_count
from talking_heads.speech.pretrained import FREEZES, PretrainedEncoder
from talking_heads.speech.pretrained_files import HUB_NAMES
from talking_heads.speech.small_hubert_encoder import SmallHubertEncoder

CLASSES = {
    "small_hubert": SmallHubertEncoder,
    "hubert": PretrainedEncoder,
    "wav2vec2": PretrainedEncoder,
}
AUDIO = torch.randn(2, 9000, generator=torch.Generator().manual_seed(1)) * 0.1


def of(kind: str, folders: dict[str, Path], fps: float = 25.0, **choices: Any) -> AudioEncoder:
    name = "log_mel" if kind == "log_mel" else folders[kind]
    return load_encoder(name, fps=fps, **choices)


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("fps", [25, 29.97, 60])
def test_all_do_as_the_protocol_says(kind: str, fps: float, tiny_encoders: dict[str, Path]) -> None:
    encoder = of(kind, tiny_encoders, fps)
    assert isinstance(encoder, AudioEncoder) and isinstance(encoder, nn.Module)
    assert encoder.fps == fps and not encoder.training and encoder.settings["type"] == kind
    frames = frame_count(9000, fps)
    with torch.no_grad():
        out = encoder(AUDIO)
        assert out.shape == (2, frames, encoder.width)
        long = encoder.encode_long(AUDIO[0])
        torch.testing.assert_close(long, out[0], rtol=1e-4, atol=1e-5)
        # The second clip alone, padded with what must not be heard.
        short = encoder(AUDIO, torch.tensor([9000, 4000]))
        alone = encoder(AUDIO[1:, :4000])[0]
        torch.testing.assert_close(short[1, : len(alone)], alone, rtol=1e-4, atol=1e-5)
        assert not short[1, len(alone) :].any()
        torch.testing.assert_close(short[0], out[0], rtol=1e-4, atol=1e-5)
        louder = encoder(AUDIO, augment=lambda mel: mel + 1)
    hears_mel = kind in ("log_mel", "small_hubert")
    assert torch.equal(louder, out) != hears_mel


@pytest.mark.parametrize(
    ("kind", "choices"),
    [
        ("log_mel", {}),
        ("log_mel", {"width": 24, "blocks": 2, "look_ahead": 0}),
        *[("hubert", {"freeze": freeze}) for freeze in FREEZES],
        *[("wav2vec2", {"alignment": alignment}) for alignment in ALIGNMENTS],
        ("hubert", {"layer": 2, "normalise": False, "mask_in_training": True}),
        ("small_hubert", {}),
        ("small_hubert", {"layer": 1, "freeze": "all"}),
    ],
)
@pytest.mark.parametrize("fps", [25.0, 30.0])
def test_settings_and_weights_give_the_same_encoder(
    kind: str, choices: dict[str, Any], fps: float, tiny_encoders: dict[str, Path]
) -> None:
    encoder: Any = of(kind, tiny_encoders, fps, **choices)
    again: Any = build_encoder(json.loads(json.dumps(encoder.settings)))
    assert type(again) is type(encoder) and not again.training
    assert again.encoder_id == encoder.encoder_id and again.settings == encoder.settings
    assert (again.width, again.fps, again.frozen) == (encoder.width, fps, encoder.frozen)
    assert encoder.frozen == (choices.get("freeze") == "all")
    with torch.no_grad():
        assert not torch.equal(again(AUDIO), encoder(AUDIO))
        again.load_state_dict(encoder.state_dict())
        assert torch.equal(again(AUDIO), encoder(AUDIO))
    trained = [p.requires_grad for p in encoder.parameters()]
    assert [p.requires_grad for p in again.parameters()] == trained


def test_a_folder_is_what_it_holds(tiny_encoders: dict[str, Path]) -> None:
    for kind, folder in tiny_encoders.items():
        for name in (folder, str(folder)):
            encoder = load_encoder(name)
            assert type(encoder) is CLASSES[kind] and encoder.settings["type"] == kind


def test_names_are_those_of_the_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []

    class Fake:
        @classmethod
        def from_pretrained(cls, source: str, **choices: Any) -> LogMelEncoder:
            asked.append((source, choices))
            return LogMelEncoder()

    monkeypatch.setattr(encoders, "PretrainedEncoder", Fake)
    monkeypatch.setattr(encoders, "SmallHubertEncoder", Fake)
    # A folder of that name in the working directory is not what is meant.
    (tmp_path / "hubert").mkdir()
    monkeypatch.chdir(tmp_path)
    load_encoder("hubert", fps=30, freeze="all")
    load_encoder("wav2vec2")
    load_encoder("someone/their-hubert", alignment="pairs")
    load_encoder("small_hubert", layer=2)
    assert asked == [
        (HUB_NAMES["hubert"], {"fps": 30, "freeze": "all"}),
        (HUB_NAMES["wav2vec2"], {"fps": 25.0}),
        ("someone/their-hubert", {"fps": 25.0, "alignment": "pairs"}),
        ("small_hubert", {"fps": 25.0, "layer": 2}),
    ]


def test_log_mel_is_made_for_a_frame_rate() -> None:
    encoder = load_encoder("log_mel", fps=30, width=24)
    assert (encoder.width, encoder.fps) == (24, 30) and type(encoder) is LogMelEncoder


@pytest.mark.parametrize("system", PAPERS)
def test_the_papers_choices_load(system: str, tiny_encoders: dict[str, Path]) -> None:
    choices = dict(PAPERS[system])
    encoder: Any = load_encoder(tiny_encoders[choices.pop("name")], fps=30, **choices)
    assert (encoder.freeze, encoder.alignment) == (choices["freeze"], choices["alignment"])
    told = next(row for row in str(encoders.__doc__).splitlines() if row.startswith(system))
    assert all(word in told for word in PAPERS[system].values())


@pytest.mark.parametrize(
    ("name", "choices", "word"),
    [
        ("hubbert", {}, "no audio encoder 'hubbert'"),
        ("", {}, "no audio encoder"),
        ("no/such/folder", {}, "no audio encoder"),
        ("./nothing", {}, "no audio encoder"),
        ("x" * 5000, {}, "no audio encoder"),
        ("log_mel", {"freeze": "all"}, "no choice of freeze"),
        ("log_mel", {"kernel": 4}, "not odd"),
        ("log_mel", {"fps": 0}, "frame rate"),
        ("small_hubert", {"alignment": "pairs"}, "no choice of alignment"),
        ("hubert", {"dropout": 0.1}, "no choice of dropout"),
    ],
)
def test_what_is_refused(name: str, choices: dict[str, Any], word: str) -> None:
    with pytest.raises(UserError, match=word) as error:
        load_encoder(name, **choices)
    assert len(str(error.value).splitlines()) <= 3 and len(str(error.value)) < 500


@pytest.mark.parametrize(
    ("kind", "choices", "word"),
    [
        ("hubert", {"freeze": "some"}, "Cannot freeze 'some'"),
        ("hubert", {"alignment": "left"}, "no alignment 'left'"),
        ("hubert", {"layer": 4}, "layers 1 to 3"),
        ("small_hubert", {"freeze": "convolutions"}, "Choose from: none, all"),
        ("small_hubert", {"layer": 9}, "layer"),
    ],
)
def test_choices_that_a_folder_has_not(
    kind: str, choices: dict[str, Any], word: str, tiny_encoders: dict[str, Path]
) -> None:
    with pytest.raises(UserError, match=word):
        load_encoder(tiny_encoders[kind], **choices)


def test_folders_that_hold_no_encoder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no pretrained network"):
        load_encoder(tmp_path)
    (tmp_path / "config.json").write_text("[" * 100_000)
    with pytest.raises(UserError, match="holds no pretrained network"):
        load_encoder(tmp_path)
    (tmp_path / "contract.json").write_text("{}")
    with pytest.raises(UserError, match="a whole model"):
        load_encoder(tmp_path)


@pytest.mark.parametrize("settings", [{}, [], None, {"type": "gpt"}, {"type": ["log_mel"]}])
def test_settings_of_no_encoder(settings: Any) -> None:
    with pytest.raises(UserError, match="no audio encoder of type"):
        build_encoder(settings)


def test_a_type_that_is_not_the_networks(tiny_encoders: dict[str, Path]) -> None:
    settings = load_encoder(tiny_encoders["hubert"]).settings
    with pytest.raises(UserError, match="its network is of type 'hubert'"):
        build_encoder({**settings, "type": "wav2vec2"})
