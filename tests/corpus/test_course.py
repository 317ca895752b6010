from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from talking_heads.corpus import (
    Corpus,
    build_course_corpus,
    compare_corpora,
    corpus_info,
    load_corpus,
    verify_corpus,
)
from talking_heads.corpus.script import conditions
from talking_heads.corpus.store import (
    MANIFEST,
    decode_motion,
    encode_motion,
    fingerprint,
    quantize_motion,
    read_manifest,
)
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_NAMES, get_face
from talking_heads.metrics.lips import bilabial_apertures, open_vowel_apertures, peak_lip_velocity

UPPER = [i for i, name in enumerate(ARKIT_NAMES) if name.startswith(("eye", "brow", "cheekSq"))]
LIPS = [i for i in range(52) if i not in UPPER]


def test_contents(mini: Corpus) -> None:
    assert len(mini) == 8
    assert mini.speakers == ("ada", "maya")
    assert mini.face_ids == {"ada": "head-01@medium", "maya": "head-13@medium"}
    assert {split: len(ids) for split, ids in mini.splits.items()} == {
        "train": 2,
        "val": 1,
        "test_seen": 1,
        "test_unseen": 4,
    }
    for clip in mini:
        assert len(clip.audio) == 640 * len(clip)
        assert np.abs(clip.audio).max() > 0.1
        assert 1.5 < clip.duration < 8
        assert clip.phonemes[0].start == 0
        assert clip.phonemes[-1].end == pytest.approx(clip.duration, abs=1e-3)
        assert clip.motion.face_id == mini.face_ids[clip.speaker]
        for truth in clip.truths:
            assert truth.values.min() >= 0
            assert truth.values.max() <= 1


def test_every_bilabial_closes_on_the_mesh(mini: Corpus) -> None:
    closed, wide = [], []
    for clip in mini:
        # The whole mesh is posed here, not the quick path that articulation used.
        face = get_face(clip.motion.face_id)
        gap = face.lip_aperture(face.pose(clip.motion.values))
        closed += bilabial_apertures(gap, clip.phonemes)
        wide += open_vowel_apertures(gap, clip.phonemes)
        assert 0.05 < peak_lip_velocity(clip.motion.values, face) < 0.40
    assert len(closed) > 20
    assert max(closed) < 0.0005
    assert len(wide) > 8
    assert np.mean(wide) - np.mean(closed) > 0.004


def test_truths_are_takes_of_one_sentence(mini: Corpus) -> None:
    assert all(len(clip.truths) == 1 for clip in mini.split("train"))
    for clip in mini.split("test_unseen"):
        face = get_face(clip.motion.face_id)
        first, second, third = (truth.values for truth in clip.truths)
        for one, other in ((first, second), (second, third)):
            assert np.abs(one[:, UPPER] - other[:, UPPER]).max() > 0.02
            assert np.abs(one[:, LIPS] - other[:, LIPS]).max() > 0.01
            assert np.corrcoef(face.aperture(one), face.aperture(other))[0, 1] > 0.9


def test_conditions_are_stated_and_kept(mini: Corpus) -> None:
    for clip in mini:
        how = conditions(clip.id)
        assert (clip.room, clip.noise_db) == (how.room, how.noise_db)
        # The sound begins with silence, so the noise floor can be measured there.
        lead = clip.audio[200:2800]
        level = 10 * np.log10(np.mean(np.square(lead, dtype=np.float64)))
        assert abs(level - how.noise_db) < 2.5
    assert len({clip.noise_seed for clip in mini}) == len(mini)


def test_fingerprint_is_of_the_content_not_of_the_coding(mini_path: Path, tmp_path: Path) -> None:
    options = {"clips_per_speaker": 4, "speakers": ["ada", "maya"], "progress": False}
    build_course_corpus(tmp_path / "flac", audio_format="flac", workers=3, **options)
    old = read_manifest(mini_path)
    new = read_manifest(tmp_path / "flac")
    assert old["fingerprint"] == new["fingerprint"]
    assert compare_corpora(mini_path, tmp_path / "flac").same
    assert new["files"] != old["files"]
    changed = {**old, "clips": [{**old["clips"][0], "samples": "0"}, *old["clips"][1:]]}
    assert fingerprint(changed) != old["fingerprint"]


def test_same_seed_same_files(mini_path: Path, tmp_path: Path) -> None:
    build_course_corpus(
        tmp_path / "one", clips_per_speaker=4, speakers=["maya"], progress=False, workers=1
    )
    old = json.loads((mini_path / MANIFEST).read_text("utf-8"))
    new = json.loads((tmp_path / "one" / MANIFEST).read_text("utf-8"))
    assert len(new["files"]) == 5
    assert all(old["files"][name] == digest for name, digest in new["files"].items())
    assert old["fingerprint"] != new["fingerprint"]
    found = compare_corpora(tmp_path / "one", mini_path)
    assert (found.clips, found.present, found.samples, found.motion) == (8, 4, 4, 4)
    assert not found.same
    assert "4 of 8 clips" in str(found)
    assert compare_corpora(mini_path, tmp_path / "one").same


def test_other_seed_other_corpus(mini: Corpus, tmp_path: Path) -> None:
    other = build_course_corpus(
        tmp_path / "two",
        clips_per_speaker=3,
        speakers=["ada"],
        seed=5,
        progress=False,
        audio_format="wav",
    )
    assert all(str(clip.source).endswith(".wav") for clip in other)
    assert all(len(clip.audio) == 640 * len(clip) for clip in other)
    assert {clip.text for clip in other.split("train")} != {
        clip.text for clip in mini.split("train")
    }


def test_refuses_what_is_in_the_way(mini_path: Path, tmp_path: Path) -> None:
    before = (mini_path / MANIFEST).read_bytes()
    with pytest.raises(UserError, match="already"):
        build_course_corpus(mini_path, clips_per_speaker=3, progress=False)
    assert (mini_path / MANIFEST).read_bytes() == before

    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "thesis.txt").write_text("years of work", "utf-8")
    with pytest.raises(UserError, match="left alone"):
        build_course_corpus(notes, clips_per_speaker=3, progress=False, overwrite=True)
    assert (notes / "thesis.txt").read_text("utf-8") == "years of work"

    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match="leads nowhere"):
        build_course_corpus(tmp_path / "link", clips_per_speaker=3, progress=False)


def test_overwrite_replaces(mini_path: Path, tmp_path: Path) -> None:
    target = tmp_path / "corpus"
    shutil.copytree(mini_path, target)
    corpus = build_course_corpus(
        target, clips_per_speaker=3, speakers=["ada"], progress=False, overwrite=True
    )
    assert len(corpus) == 3
    assert list(tmp_path.iterdir()) == [target]


def test_failure_leaves_nothing(
    mini_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from talking_heads.corpus import builder

    target = tmp_path / "corpus"
    shutil.copytree(mini_path, target)

    def broken(*_: object) -> None:
        raise RuntimeError("disk on fire")

    monkeypatch.setattr(builder, "write_manifest", broken)
    with pytest.raises(RuntimeError):
        build_course_corpus(
            target, clips_per_speaker=3, speakers=["ada"], progress=False, overwrite=True
        )
    assert list(tmp_path.iterdir()) == [target]
    assert len(load_corpus(target, verify=True)) == 8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"speakers": ["zoe"]}, "no speaker 'zoe'"),
        ({"speakers": []}, "at least one"),
        ({"clips_per_speaker": 1}, "3 to 70"),
        ({"seed": -1}, "seed"),
        ({"audio_format": "mp3"}, "flac"),
        ({"workers": 0}, "worker"),
        ({"hours": 0.1}, "0.75"),
        ({"hours": 2, "clips_per_speaker": 5}, "whole course"),
    ],
)
def test_refuses_bad_arguments(tmp_path: Path, options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_course_corpus(tmp_path / "x", progress=False, **options)
    assert list(tmp_path.iterdir()) == []


def test_info(mini_path: Path) -> None:
    text = corpus_info(mini_path)
    assert text.startswith("course: 8 clips")
    assert "test_unseen     4 clips" in text
    assert "running words in test_seen are not in train" in text
    assert "of 40 phonemes" in text and "rooms: " in text and "MB on disk" in text
    assert "100.0% of" in text.splitlines()[-1]


def _break_manifest(root: Path, **changes: object) -> None:
    manifest = json.loads((root / MANIFEST).read_text("utf-8"))
    (root / MANIFEST).write_text(json.dumps({**manifest, **changes}), "utf-8")


def _break_clip(root: Path, **changes: object) -> None:
    clips = json.loads((root / MANIFEST).read_text("utf-8"))["clips"]
    _break_manifest(root, clips=[{**clips[0], **changes}, *clips[1:]])


def _break_motion(root: Path) -> None:
    path = root / "motion" / "ada.npz"
    with np.load(path) as arrays:
        np.savez(path, **{name: np.full_like(values, 200) for name, values in arrays.items()})


def _break_stream(path: Path) -> None:
    """Spoil the compressed bytes of an archive and leave its directory sound."""
    content = bytearray(path.read_bytes())
    content[100:200] = b"\xff" * 100
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda root: (root / MANIFEST).unlink(), "holds no manifest"),
        (lambda root: (root / MANIFEST).write_text("{", "utf-8"), "damaged"),
        (lambda root: (root / MANIFEST).write_text("[1]", "utf-8"), "damaged"),
        (lambda root: (root / MANIFEST).write_text("[" * 100_000, "utf-8"), "damaged"),
        (lambda root: _break_manifest(root, fingerprint=None), "damaged"),
        (lambda root: _break_manifest(root, format="zip"), "not the manifest"),
        (lambda root: _break_manifest(root, version=99), "version 99"),
        (lambda root: _break_manifest(root, coefficients=["a"]), "not the 52"),
        (lambda root: _break_manifest(root, splits={"train": ["nobody-1"]}), "unknown clip"),
        (lambda root: _break_manifest(root, clips=[{"id": "x"}]), "damaged"),
        (lambda root: _break_manifest(root, files={"../../etc/passwd": ""}), "leaves the folder"),
        (lambda root: _break_manifest(root, files={}), "lacks the files"),
        (lambda root: _break_manifest(root, speakers={}), "lacks the files"),
        (lambda root: _break_clip(root, phonemes=[["a", 0.5, 0.2]]), "phoneme"),
        (lambda root: _break_clip(root, phonemes=[[7, 0.0, 0.2]]), "phoneme"),
        (lambda root: _break_clip(root, noise_seed=float("inf")), "damaged"),
        (lambda root: _break_clip(root, noise_db=10**400), "damaged"),
        (lambda root: _break_clip(root, speaker="../ada"), "lacks the files"),
        (lambda root: _break_motion(root), "above 1"),
        (lambda root: _break_manifest(root, fps=1e-300), "no frame rate"),
        (lambda root: _break_manifest(root, fps=50), "longer than its motion"),
        (lambda root: (root / "motion" / "ada.npz").write_bytes(b"PK??"), "damaged"),
        (lambda root: _break_stream(root / "motion" / "ada.npz"), "damaged"),
        (lambda root: (root / "motion" / "ada.npz").unlink(), "ada.npz is missing"),
        (lambda root: shutil.rmtree(root / "audio" / "maya"), "is missing"),
        (lambda root: shutil.rmtree(root), "no such folder"),
    ],
)
def test_damaged_corpora(mini_path: Path, tmp_path: Path, damage, message: str) -> None:
    root = tmp_path / "corpus"
    shutil.copytree(mini_path, root)
    damage(root)
    with pytest.raises(UserError, match=message) as caught:
        load_corpus(root)
    assert len(str(caught.value).splitlines()) <= 3


def test_verify_finds_changes(mini_path: Path, tmp_path: Path) -> None:
    root = tmp_path / "corpus"
    shutil.copytree(mini_path, root)
    assert "all 8 clips" in verify_corpus(root)
    path = next((root / "audio" / "ada").iterdir())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="has changed"):
        verify_corpus(root)


def test_verify_finds_another_manifest_and_other_motions(mini_path: Path, tmp_path: Path) -> None:
    root = tmp_path / "corpus"
    shutil.copytree(mini_path, root)
    _break_clip(root, text="Something else was said.")
    assert len(load_corpus(root)) == 8
    with pytest.raises(UserError, match="since it was written"):
        verify_corpus(root)
    # Whoever mends the fingerprint as well still has motions that were never built.
    _break_clip(root, motion="0" * 32)
    _break_manifest(root, fingerprint=fingerprint(read_manifest(root)))
    with pytest.raises(UserError, match="ada-001 in"):
        verify_corpus(root)


def test_clips_of_other_texts_are_others(mini_path: Path, tmp_path: Path) -> None:
    root = tmp_path / "corpus"
    shutil.copytree(mini_path, root)
    _break_clip(root, text="Something else was said.")
    found = compare_corpora(root, mini_path)
    assert (found.clips, found.present, found.samples, found.motion) == (8, 7, 7, 7)


def test_verify_finds_sound_that_does_not_fit(mini_path: Path, tmp_path: Path) -> None:
    root = tmp_path / "corpus"
    shutil.copytree(mini_path, root)
    manifest = read_manifest(root)
    first, second, third = (clip["audio"] for clip in manifest["clips"][:3])
    frames = [clip["frames"] for clip in manifest["clips"][:3]]
    other = second if frames[1] != frames[0] else third
    (root / first).write_bytes((root / other).read_bytes())
    manifest["files"][first] = manifest["files"][other]
    (root / MANIFEST).write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(UserError, match="not as long"):
        verify_corpus(root)


def test_damaged_audio_is_named(mini_path: Path, tmp_path: Path) -> None:
    root = tmp_path / "corpus"
    shutil.copytree(mini_path, root)
    corpus = load_corpus(root)
    clip = corpus[0]
    assert isinstance(clip.source, Path)
    clip.source.write_text("not audio", "utf-8")
    with pytest.raises(UserError, match="Cannot read"):
        _ = clip.audio
    clip.source.write_bytes((mini_path / clip.source.relative_to(root)).read_bytes()[:9000])
    with pytest.raises(UserError, match="is torn") as caught:
        _ = clip.audio
    assert len(str(caught.value).splitlines()) <= 3
    clip.source.unlink()
    with pytest.raises(UserError, match="lacks the audio"):
        _ = clip.audio


def test_loads_without_engine_and_sound_libraries(mini_path: Path) -> None:
    code = f"""
import sys
for name in ("espeakng_loader", "librosa", "soundfile", "k3d", "anywidget"):
    sys.modules[name] = None
from talking_heads.corpus import load_corpus
assert len(load_corpus({str(mini_path)!r})) == 8
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_storage_is_exact_to_a_ten_thousandth() -> None:
    values = np.random.default_rng(0).random((2, 5, 52), dtype=np.float32)
    values[0, 0, 0], values[1, 4, 51] = 1, 0
    whole = quantize_motion(values)
    stored = encode_motion(whole)
    assert stored.dtype == np.uint8
    assert stored.shape == (2, 2, 52, 5)
    np.testing.assert_allclose(decode_motion(stored), values, atol=1.01e-4)
    np.testing.assert_array_equal(quantize_motion(decode_motion(stored)), whole)


@pytest.mark.parametrize(
    ("owner", "name"), [(Path, "write_bytes"), (np, "savez_compressed"), (Path, "write_text")]
)
def test_a_full_disk_is_told_and_leaves_nothing(
    owner: object, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(owner, name, full)
    with pytest.raises(UserError, match="No space left"):
        build_course_corpus(tmp_path / "c", clips_per_speaker=3, speakers=["ada"], progress=False)
    assert list(tmp_path.iterdir()) == []


def test_the_course_corpus_by_its_name(
    mini_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALKING_HEADS_DATA", str(tmp_path))
    with pytest.raises(UserError, match="no such folder"):
        load_corpus()
    shutil.copytree(mini_path, tmp_path / "course")
    assert load_corpus().root == load_corpus("course").root == tmp_path / "course"
    assert compare_corpora(mini_path).same
    # A path is always a folder, even one of this name.
    monkeypatch.chdir(tmp_path.parent)
    with pytest.raises(UserError, match="is not a corpus"):
        load_corpus(Path("course"))
