from __future__ import annotations

from pathlib import Path

import pytest

from talking_heads.corpus import Corpus, build_course_corpus


@pytest.fixture(scope="session")
def mini_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of one seen and one unseen speaker with four sentences each."""
    out = tmp_path_factory.mktemp("corpus") / "mini"
    build_course_corpus(out, clips_per_speaker=4, speakers=["ada", "maya"], progress=False)
    return out


@pytest.fixture(scope="session")
def mini(mini_path: Path) -> Corpus:
    from talking_heads.corpus import load_corpus

    return load_corpus(mini_path)
