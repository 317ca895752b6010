"""The README's examples are run, in order, in an empty folder that has only the data."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DATA_README = (ROOT / "data" / "README.md").read_text(encoding="utf-8")


def _blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("readme")
    (path / "data").symlink_to(ROOT / "data", target_is_directory=True)
    return path


def _run(words: list[str] | str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        words,
        cwd=folder,
        shell=isinstance(words, str),
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_there_are_examples_of_both_kinds() -> None:
    assert len(_blocks("bash")) >= 3
    assert len(_blocks("python")) >= 2


@pytest.mark.parametrize("commands", _blocks("bash"), ids=lambda text: text.split("\n")[0][:40])
def test_commands(commands: str, folder: Path) -> None:
    for command in commands.strip().splitlines():
        done = _run(command, folder)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        out = re.search(r"--out (\S+)", command)
        assert out is None or (folder / out[1]).exists(), command


@pytest.mark.parametrize("program", _blocks("python"), ids=["animate", "codes", "pose"])
def test_programs(program: str, folder: Path) -> None:
    done = _run([sys.executable, "-c", program], folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_views_of_the_data_readme(folder: Path) -> None:
    program, *_ = _blocks("python", DATA_README)
    shapes = "print(clip.vertices('low').shape[1:], batch['motion'].shape, data.templates().shape)"
    done = _run([sys.executable, "-c", f"{program}\n{shapes}"], folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[0] == (
        "(1142, 3) torch.Size([24, 100, 1142, 3]) torch.Size([16, 1142, 3])"
    )


def test_the_mesh_of_ones_own_of_the_data_readme(folder: Path) -> None:
    (program,) = [text for text in _blocks("python", DATA_README) if "me@mine" in text]
    check = """
from talking_heads.face import Motion
from talking_heads.models import load_prior
from talking_heads.view import play
again = load_prior("mine").eval().reconstruct(Motion(motion[0], "vertices", 25.0, head.id))
print(float(terms["reconstruction"]), play(again, face=head))
"""
    done = _run([sys.executable, "-c", program + check], folder)
    assert done.returncode == 0, done.stderr
    error, _, shown = done.stdout.partition(" ")
    assert 0 < float(error) < 0.3  # of a face that never moves 0.43
    assert "me@mine" in shown


def test_the_real_data_sets_of_the_data_readme(
    tmp_path: Path, mini_vocaset: Path, mini_biwi: Path
) -> None:
    """On miniatures, under the names that the text gives them."""
    (tmp_path / "vocaset").symlink_to(mini_vocaset)
    (tmp_path / "BIWI").symlink_to(mini_biwi)
    programs = [text for text in _blocks("python", DATA_README) if re.search("vocaset|BIWI", text)]
    assert len(programs) == 2
    for program in programs:
        show = "print(clip.motion.values.shape, corpus.surface.regions['lips'].shape)"
        done = _run([sys.executable, "-c", f"{program}\n{show}"], tmp_path)
        assert done.returncode == 0, done.stderr
        wanted = "(30, 5023, 3) (250,)" if "vocaset" in program else "(25, 23370, 3) (4996,)"
        assert done.stdout.strip() == wanted


def test_beat_of_the_data_readme(tmp_path: Path, mini_beat: Path) -> None:
    (tmp_path / "beat_english_v0.2.1").symlink_to(mini_beat)
    (program,) = [text for text in _blocks("python", DATA_README) if "load_beat" in text]
    show = "print(clip.motion.values.shape, corpus.speakers)"
    done = _run([sys.executable, "-c", f"{program}\n{show}"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(300, 52) ('2_scott', '4_lawrence')"


def test_the_speakers_of_the_data_readme_can_be_read(folder: Path) -> None:
    from talking_heads.corpus.casting import read_people

    (example,) = _blocks("json", DATA_README)
    (folder / "people.json").write_text(example, "utf-8")
    people = read_people(folder / "people.json")
    assert [person.name for person in people] == ["zoe", "kim", "ann", "lee"]  # lee is unseen


def test_pictures_and_links_exist() -> None:
    targets = re.findall(r"\]\(([^)]+)\)", README)
    local = [target for target in targets if not target.startswith(("http", "#"))]
    assert local
    for target in local:
        assert (ROOT / target).exists(), target
    assert not re.findall(r"!\[[^\]]*\]\(https?:", README), "pictures come with the repository"
    assert not re.findall(r"!\[\s*\]", README), "a picture without a description"
