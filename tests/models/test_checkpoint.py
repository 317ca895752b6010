import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from talking_heads.errors import UserError
from talking_heads.models import DiffSpeaker, load_model, shipped_models
from talking_heads.models.checkpoint import CONFIG, CONTRACT, WEIGHTS

AUDIO = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)


def test_round_trip_is_exact_with_32_bits(model: DiffSpeaker, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path, half=False)
    again = DiffSpeaker.from_pretrained(tmp_path)
    assert again.config == model.config and again.contract == model.contract
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)
    assert not again.training
    np.testing.assert_array_equal(
        again.animate(AUDIO, speaker="ben").values, model.animate(AUDIO, speaker="ben").values
    )


def test_16_bits_barely_change_the_motion(model: DiffSpeaker, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    again = DiffSpeaker.from_pretrained(tmp_path)
    difference = again.animate(AUDIO).values - model.animate(AUDIO).values
    assert 0 < np.abs(difference).max() < 0.01
    again.save_pretrained(tmp_path / "second")
    assert (tmp_path / WEIGHTS).read_bytes() == (tmp_path / "second" / WEIGHTS).read_bytes()


def test_saving_keeps_other_files(model: DiffSpeaker, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("{}")
    model.save_pretrained(tmp_path)
    model.save_pretrained(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"results.json", CONFIG, CONTRACT, WEIGHTS}


def test_a_file_in_the_way_is_refused(model: DiffSpeaker, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("mine")
    with pytest.raises(UserError, match="file"):
        model.save_pretrained(tmp_path / "x")
    with pytest.raises(UserError, match="folder"):
        model.save_pretrained(tmp_path / "x" / "below")
    assert (tmp_path / "x").read_text() == "mine"


def edit(folder: Path, name: str, **changes: object) -> None:
    values = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**values, **changes}))


def rehash(folder: Path) -> None:
    import hashlib

    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    edit(folder, CONTRACT, weights_sha256=digest)


def truncate(folder: Path) -> None:
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(content[: len(content) // 2])


def garbage(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(b"\xff" * 200)
    rehash(folder)


def lose_a_tensor(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    tensors.pop("motion_out.bias")
    save_file(tensors, folder / WEIGHTS)
    rehash(folder)


def poison(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    tensors["motion_out.bias"][3] = float("nan")
    save_file(tensors, folder / WEIGHTS)
    rehash(folder)


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda f: (f / CONFIG).unlink(), f"{CONFIG}(.|\\n)*same command again"),
        (lambda f: (f / CONTRACT).unlink(), CONTRACT),
        (lambda f: (f / WEIGHTS).unlink(), WEIGHTS),
        (lambda f: (f / CONFIG).write_text("{"), "damaged"),
        (lambda f: (f / CONFIG).write_text("[" * 100_000), "damaged"),
        (lambda f: (f / CONTRACT).write_text("[1]"), "damaged"),
        (lambda f: (f / CONFIG).write_bytes(b"\xff\xfe\x00"), "damaged"),
        (truncate, "hash differs"),
        (garbage, "safetensors"),
        (lose_a_tensor, "motion_out.bias"),
        (poison, "not finite"),
        (lambda f: edit(f, CONFIG, layers=3), "do not fit"),
        (lambda f: edit(f, CONFIG, width=16_000), "do not fit"),
        (lambda f: edit(f, CONFIG, width="wide"), "width"),
        (lambda f: edit(f, CONFIG, model_type="gpt"), "gpt"),
        (lambda f: edit(f, CONTRACT, encoder_id="hubert"), "hubert"),
        (lambda f: edit(f, CONTRACT, speakers=["ada"], heads=["head-01@low"]), "style.weight"),
        (lambda f: edit(f, CONTRACT, names=["jawOpen"]), "names"),
    ],
)
def test_damage_is_told_in_a_few_words(
    model: DiffSpeaker, tmp_path: Path, damage: Callable[[Path], object], word: str
) -> None:
    model.save_pretrained(tmp_path)
    damage(tmp_path)
    with pytest.raises(UserError, match=word) as error:
        load_model(tmp_path)
    assert len(str(error.value).splitlines()) <= 3


def test_loading_draws_nothing_at_random() -> None:
    """Weights that are read need no start; drawing one costs seconds, see `NothingDrawn`."""
    torch.manual_seed(0)
    before = torch.get_rng_state()
    for name in shipped_models():
        load_model(name)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["no_such_model", "", "/no/such/folder", "x" * 5000, "a\0b"])
def test_an_unknown_model_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="no model") as error:
        load_model(name)
    assert len(str(error.value)) < 400


def test_the_data_folder_can_be_moved(
    model: DiffSpeaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALKING_HEADS_DATA", str(tmp_path))
    assert shipped_models() == ()
    model.save_pretrained(tmp_path / "checkpoints" / "mine")
    assert shipped_models() == ("mine",)
    assert load_model("mine").speakers == ("ada", "ben")
