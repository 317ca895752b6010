"""Motions as files: a page that plays, and arrays."""

from talking_heads.export.arrays import write_npz
from talking_heads.export.dispatch import SUFFIXES, check_output, write_motion
from talking_heads.export.page import write_html
from talking_heads.files import atomic_write

__all__ = ["SUFFIXES", "atomic_write", "check_output", "write_html", "write_motion", "write_npz"]
