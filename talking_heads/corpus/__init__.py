"""Clips of speech with motion: the course corpus, VOCASET, BIWI and BEAT.

`talking_heads.corpus.batching` needs torch, so it is imported by name.
"""

from talking_heads.corpus.articulation import articulate
from talking_heads.corpus.clip import Clip
from talking_heads.corpus.collection import Corpus
from talking_heads.corpus.course import build_course_corpus, build_own_corpus
from talking_heads.corpus.info import compare_corpora, corpus_info, verify_corpus
from talking_heads.corpus.real.beat import load_beat
from talking_heads.corpus.real.biwi import load_biwi
from talking_heads.corpus.real.layouts import find_layout
from talking_heads.corpus.real.vocaset import load_vocaset
from talking_heads.corpus.store import corpus_folder, has_corpus, load_corpus
from talking_heads.corpus.style import SPEAKERS, Speaker, Style, get_speaker

__all__ = [
    "SPEAKERS",
    "Clip",
    "Corpus",
    "Speaker",
    "Style",
    "articulate",
    "build_course_corpus",
    "build_own_corpus",
    "compare_corpora",
    "corpus_folder",
    "corpus_info",
    "find_layout",
    "get_speaker",
    "has_corpus",
    "load_beat",
    "load_biwi",
    "load_corpus",
    "load_vocaset",
    "verify_corpus",
]
