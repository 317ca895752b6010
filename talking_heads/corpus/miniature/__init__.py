"""Miniatures of the real data sets, in their true layouts and sizes of mesh.

The real data sets need a registration and gigabytes. A miniature has the same files with the same
shapes, names and traps, so that readers, tests and notebooks can work without. What it holds looks
and sounds like speech, because it comes from the course corpus and the course's own head; as data
to learn from it is worthless. Each folder says so in its README.txt.
"""

from __future__ import annotations

from talking_heads.corpus.miniature.beat import BEAT_TRAPS, write_miniature_beat
from talking_heads.corpus.miniature.biwi import BIWI_TRAPS, write_miniature_biwi
from talking_heads.corpus.miniature.raw import RAW_TRAPS, write_miniature_vocaset_raw
from talking_heads.corpus.miniature.vocaset import VOCASET_TRAPS, write_miniature_vocaset

__all__ = [
    "BEAT_TRAPS",
    "BIWI_TRAPS",
    "RAW_TRAPS",
    "VOCASET_TRAPS",
    "write_miniature_beat",
    "write_miniature_biwi",
    "write_miniature_vocaset",
    "write_miniature_vocaset_raw",
]
