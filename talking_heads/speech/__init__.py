"""Audio in, synthesised speech, phonemes and features.

The features need torch, which takes a second to import; they are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from talking_heads.speech.audio import SAMPLE_RATE, check_audio, load_audio, wav_bytes, write_wav
from talking_heads.speech.frames import frame_count, frame_to_sample
from talking_heads.speech.phonemes import (
    Phoneme,
    Segment,
    is_bilabial,
    normalize_symbol,
    phoneme_at,
    phoneme_classes,
    segments,
)
from talking_heads.speech.room import ROOMS, Room, add_room, room_response
from talking_heads.speech.status import engine_status, missing_engines
from talking_heads.speech.synthesis import (
    Speech,
    Utterance,
    synthesize,
    synthesize_many,
)
from talking_heads.speech.voices import SEEN_VOICES, UNSEEN_VOICES, VOICES, Voice, random_voice

if TYPE_CHECKING:
    from talking_heads.speech.mel import (
        log_mel,
        mel_filters,
        mel_frame_count,
        mel_power,
    )

__all__ = [
    "ROOMS",
    "SAMPLE_RATE",
    "SEEN_VOICES",
    "UNSEEN_VOICES",
    "VOICES",
    "Phoneme",
    "Room",
    "Segment",
    "Speech",
    "Utterance",
    "Voice",
    "add_room",
    "check_audio",
    "engine_status",
    "frame_count",
    "frame_to_sample",
    "is_bilabial",
    "load_audio",
    "log_mel",
    "mel_filters",
    "mel_frame_count",
    "mel_power",
    "missing_engines",
    "normalize_symbol",
    "phoneme_at",
    "phoneme_classes",
    "random_voice",
    "room_response",
    "segments",
    "synthesize",
    "synthesize_many",
    "wav_bytes",
    "write_wav",
]

_FROM_MEL = ("log_mel", "mel_filters", "mel_frame_count", "mel_power")


def __getattr__(name: str) -> Any:
    if name in _FROM_MEL:
        from talking_heads.speech import mel

        return getattr(mel, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
