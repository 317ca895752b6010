import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from talking_heads.errors import UserError
from talking_heads.speech.encoder import AudioEncoder
from talking_heads.speech.feature_cache import FeatureCache
from talking_heads.speech.frames import frame_count, frame_to_sample
from talking_heads.speech.small_hubert import SmallHubert, SmallHubertConfig
from talking_heads.speech.small_hubert_encoder import SmallHubertEncoder

RATES = [10.0, 24.0, 25.0, 29.97, 30.0, 50.0, 60.0, 120.0]


def network(ahead: float = 60.0, back: float = 200.0, layers: int = 2) -> SmallHubert:
    torch.manual_seed(0)
    net = SmallHubert(
        SmallHubertConfig(
            width=16, heads=2, feed_forward=32, layers=layers, look_ahead_ms=ahead,
            look_back_ms=back,
        )
    ).eval()  # fmt: skip
    for name, weights in net.named_parameters():
        if name.endswith("distance"):
            torch.nn.init.normal_(weights)
    return net


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * 0.1


def test_it_is_an_audio_encoder() -> None:
    assert isinstance(SmallHubertEncoder(network()), AudioEncoder)


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("samples", [0, 1, 320, 639, 641, 16_000, 20_001])
def test_one_feature_for_each_frame(fps: float, samples: int) -> None:
    encoder = SmallHubertEncoder(network(), fps=fps)
    with torch.no_grad():
        out = encoder(noise(2, samples))
        long = encoder.encode_long(noise(2, samples)[0], chunk_seconds=0.3)
    assert out.shape == (2, frame_count(samples, fps), encoder.width)
    assert encoder.width == (32 if fps == 25 else 16)
    assert torch.isfinite(out).all()
    torch.testing.assert_close(long, out[0], rtol=1e-4, atol=1e-5)


def test_at_25_a_frame_has_its_own_two_units() -> None:
    net = network()
    encoder = SmallHubertEncoder(net)
    audio = noise(1, 25 * 640)
    with torch.no_grad():
        out = encoder(audio)[0]
        units = net(torch.nn.functional.pad(audio, (0, 3200)))[0]
    for frame in (0, 7, 24):
        pair = torch.cat([units[2 * frame], units[2 * frame + 1]])
        torch.testing.assert_close(out[frame], pair, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fps", [24.0, 29.97, 30.0, 60.0, 120.0])
def test_elsewhere_the_middle_of_a_frame_is_read(fps: float) -> None:
    net = network()
    encoder = SmallHubertEncoder(net, fps=fps)
    audio = noise(1, 16_000)
    with torch.no_grad():
        out = encoder(audio)[0]
        units = net(torch.nn.functional.pad(audio, (0, 3200)))[0].numpy()
    middles = (np.arange(len(units)) + 0.5) * 0.020
    for frame in range(len(out)):
        at = (frame + 0.5) / fps
        expected = [np.interp(at, middles, channel) for channel in units.T]
        np.testing.assert_allclose(out[frame], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("fps", RATES)
def test_a_prefix_gives_the_same_features_but_for_the_look_ahead(fps: float) -> None:
    encoder = SmallHubertEncoder(network(), fps=fps)
    audio = noise(1, 16_000)
    with torch.no_grad():
        whole = encoder(audio)
        for frames in (1, int(fps * 0.31), int(fps * 0.7)):
            end = frames / fps + encoder.look_ahead_ms / 1000
            prefix = encoder(audio[:, : math.ceil(16_000 * end)])
            assert prefix.shape[1] >= frames
            torch.testing.assert_close(prefix[:, :frames], whole[:, :frames], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fps", RATES)
def test_sound_beyond_the_look_ahead_is_not_heard_and_sound_before_it_is(fps: float) -> None:
    encoder = SmallHubertEncoder(network(), fps=fps)
    audio = noise(1, 16_000)
    frames, latest = int(fps * 0.8), -math.inf
    with torch.no_grad():
        before = encoder(audio)[0, :frames]
        for at in range(4000, 12_000, 160):
            changed = audio.clone()
            changed[0, at : at + 40] += 0.5
            moved = (encoder(changed)[0, :frames] - before).abs().amax(-1) > 1e-6
            if moved.any():
                first = int(moved.nonzero()[0])
                latest = max(latest, 1000 * (at / 16_000 - (first + 1) / fps))
    # The window fades out at its end, and every tenth millisecond was tried. At 10 frames a second
    # the middles fall on units, so the bound is not reached.
    slack = 33 if fps == 10 else 23
    assert encoder.look_ahead_ms - slack < latest <= encoder.look_ahead_ms


def test_the_look_ahead_is_layers_and_window() -> None:
    net = SmallHubert()
    assert SmallHubertEncoder(net).look_ahead_ms == 11 * 20 + 7.5
    assert SmallHubertEncoder(net, fps=50).look_ahead_ms == 227.5
    assert SmallHubertEncoder(net, layer=2).look_ahead_ms == 6 * 20 + 7.5


@pytest.mark.parametrize("fps", [25.0, 30.0])
def test_padding_is_not_heard(fps: float) -> None:
    encoder = SmallHubertEncoder(network(), fps=fps)
    audio = noise(3, 16_000)
    sizes = [16_000, 0, 7_001]
    with torch.no_grad():
        out = encoder(audio, torch.tensor(sizes))
        for row, sound, size in zip(out, audio, sizes, strict=True):
            own = frame_count(size, fps)
            alone = encoder(sound[None, :size])[0]
            torch.testing.assert_close(row[:own], alone, rtol=1e-4, atol=1e-5)
            assert (row[own:] == 0).all()
    with pytest.raises(ValueError):
        encoder(audio, torch.tensor([1, 2, 16_001]))


def test_augment_reaches_the_log_mel() -> None:
    encoder = SmallHubertEncoder(network(), fps=30)
    seen: list[tuple[int, ...]] = []

    def louder(mel: Tensor) -> Tensor:
        seen.append(tuple(mel.shape))
        return mel + 1

    audio = noise(2, 16_000)
    with torch.no_grad():
        assert not torch.allclose(encoder(audio, augment=louder), encoder(audio))
    assert seen[0][::2] == (2, 80)
    assert seen[0][1] >= 100


def test_frozen_it_keeps_still_and_features_may_be_kept(tmp_path: Path) -> None:
    net = network()
    free = SmallHubertEncoder(network())
    encoder = SmallHubertEncoder(net, freeze="all").train()
    assert encoder.frozen and not free.frozen
    assert not encoder.network.training and free.train().network.training
    assert not any(p.requires_grad for p in encoder.parameters())
    free(noise(1, 4000)).square().sum().backward()
    lacking = [n for n, p in free.named_parameters() if p.requires_grad and p.grad is None]
    assert lacking == []
    assert not free.network.blank.requires_grad
    audio = noise(9_001)
    cache = FeatureCache(tmp_path)
    for _ in range(2):
        kept = cache.features(encoder, audio)
        torch.testing.assert_close(kept, encoder(audio[None])[0])
    with pytest.raises(ValueError):
        cache.features(free, audio)
    # Frozen by the choice, thawed by hand.
    net.front.requires_grad_(True)
    assert not encoder.frozen


def test_the_name_tells_weights_layer_and_rate() -> None:
    def name(net: SmallHubert, **choices: Any) -> str:
        return SmallHubertEncoder(net, **choices).encoder_id

    assert name(network()) == name(network())
    other = network()
    with torch.no_grad():
        other.front.bias[0] += 1
    names = [
        name(network()), name(other), name(network(), fps=30), name(network(), layer=1),
        name(network(ahead=80.0, back=180.0)),
    ]  # fmt: skip
    assert len(set(names)) == len(names)


def test_loaded_weights_give_a_frozen_encoder_another_name() -> None:
    encoder = SmallHubertEncoder(network(), freeze="all")
    free = SmallHubertEncoder(network())
    before = encoder.encoder_id
    changed = {k: v + 0.5 for k, v in encoder.state_dict().items()}
    encoder.load_state_dict(changed)
    assert encoder.encoder_id != before
    free.load_state_dict(changed)
    assert free.encoder_id == before


def test_a_layer_is_what_the_network_gives_there() -> None:
    net = network(layers=3)
    audio = noise(1, 50 * 320)
    with torch.no_grad():
        from talking_heads.speech.small_hubert import unit_mel

        expected = net.encode_mel(unit_mel(torch.nn.functional.pad(audio, (0, 3200))), layer=2)
        encoder = SmallHubertEncoder(net, fps=50, layer=2)
        torch.testing.assert_close(encoder(audio), expected[:, :50], rtol=1e-4, atol=1e-5)
    assert (encoder.layer, len(net.layers)) == (2, 2)
    normed = SmallHubertEncoder(network(layers=3), fps=50, layer=3)
    assert sum(1 for name in normed.state_dict() if name.startswith("network.norm")) == 2


@pytest.mark.parametrize("choices", [{}, {"fps": 30, "freeze": "all", "layer": 1}])
def test_settings_build_the_same_encoder(choices: dict[str, Any]) -> None:
    encoder = SmallHubertEncoder(network(), **choices)
    settings = json.loads(json.dumps(encoder.settings))
    again = SmallHubertEncoder.from_settings(settings)
    again.load_state_dict(encoder.state_dict())
    assert again.settings == encoder.settings
    assert again.encoder_id == encoder.encoder_id
    assert (again.width, again.frozen) == (encoder.width, encoder.frozen)
    audio = noise(1, 8000)
    with torch.no_grad():
        torch.testing.assert_close(again(audio), encoder(audio))


@pytest.mark.parametrize(
    "change",
    [
        {"type": "hubert"}, {"network": None}, {"network": {"width": 15, "heads": 2}},
        {"freeze": "convolutions"}, {"freeze": 1}, {"layer": 9}, {"layer": 0}, {"layer": True},
        {"fps": 0}, {"fps": "25"}, {"origin": "../x"}, {"origin": None}, {"more": 1},
    ],
)  # fmt: skip
def test_settings_that_are_none(change: dict[str, Any]) -> None:
    settings = SmallHubertEncoder(network()).settings
    with pytest.raises(UserError) as caught:
        SmallHubertEncoder.from_settings({**settings, **change})
    assert len(str(caught.value).splitlines()) <= 3
    with pytest.raises(UserError):
        SmallHubertEncoder.from_settings([1])  # type: ignore[arg-type]


def test_from_a_folder_and_from_the_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network().save_pretrained(tmp_path / "encoders" / "small_hubert")
    folder = SmallHubertEncoder.from_pretrained(tmp_path / "encoders" / "small_hubert", fps=30)
    assert (folder.fps, folder.training) == (30.0, False)
    monkeypatch.setenv("TALKING_HEADS_DATA", str(tmp_path))
    shipped = SmallHubertEncoder.from_pretrained(fps=30)
    assert shipped.encoder_id == folder.encoder_id
    assert shipped.frozen is False
    monkeypatch.setenv("TALKING_HEADS_DATA", str(tmp_path / "none"))
    with pytest.raises(UserError, match="TALKING_HEADS_DATA") as told:
        SmallHubertEncoder.from_pretrained()
    assert len(str(told.value).splitlines()) == 3 and "talking-heads pretrain" in str(told.value)


@pytest.mark.parametrize(("fps", "frames"), [(25.0, 100), (30.0, 120)])
def test_four_seconds_lack_no_frame(fps: float, frames: int) -> None:
    encoder = SmallHubertEncoder(network(), fps=fps)
    with torch.no_grad():
        assert encoder(noise(1, 64_000)).shape[1] == frames
    assert frame_to_sample(frames, fps) == 64_000


def test_a_folder_gives_back_what_was_saved(tmp_path: Path) -> None:
    net = network()
    (tmp_path / "results.json").write_text("{}")
    net.save_pretrained(tmp_path)
    again = SmallHubert.from_pretrained(tmp_path)
    assert again.config == net.config
    assert not again.training
    for one, other in zip(net.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(one.half().float(), other)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["type"] == "small_hubert"
    assert (tmp_path / "results.json").exists()
    again.cut(1)
    with pytest.raises(ValueError):
        again.save_pretrained(tmp_path)


def _edit_config(folder: Path, **values: Any) -> int:
    path = folder / "config.json"
    return path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    "damage",
    [
        lambda f: (f / "config.json").unlink(),
        lambda f: (f / "model.safetensors").unlink(),
        lambda f: (f / "config.json").write_text("[1]"),
        lambda f: (f / "config.json").write_text("{" * 5000),
        lambda f: (f / "config.json").write_bytes(b"\xff\xfe"),
        lambda f: _edit_config(f, type="hubert"),
        lambda f: _edit_config(f, width=32),
        lambda f: _edit_config(f, layers=1),
        lambda f: _edit_config(f, layers=3),
        lambda f: _edit_config(f, weights_sha256="0" * 64),
        lambda f: (f / "model.safetensors").write_bytes(b"junk"),
        lambda f: (_edit_config(f, weights_sha256=None),
                   (f / "model.safetensors").write_bytes(b"junk")),
    ],
)  # fmt: skip
def test_damaged_folders_are_refused(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    network().save_pretrained(tmp_path)
    damage(tmp_path)
    with pytest.raises(UserError) as caught:
        SmallHubert.from_pretrained(tmp_path)
    assert len(str(caught.value).splitlines()) <= 3


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    net = network()
    with torch.no_grad():
        net.front.weight[0, 0] = math.inf
    net.save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"front\.weight"):
        SmallHubert.from_pretrained(tmp_path)
