"""What a checkpoint promises about the motion it makes, and for whom."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from talking_heads.errors import UserError
from talking_heads.face.names import ARKIT_NAMES
from talking_heads.speech.encoder import LogMelEncoder

_VERSION = 1


@dataclass(frozen=True)
class MotionContract:
    """The motion a model makes, and the speakers it knows.

    Parameters
    ----------
    speakers : tuple of str
        Voices with a style of their own, in the order of the style table.
    heads : tuple of str
        The face of each speaker, ``"identity@resolution"``.
    mean, scale : tuple of float
        Motion is ``mean + scale * normalised``; one number per channel, or one for all.
    kind : {"coefficients", "vertices"}
        What a frame holds.
    vertices : int
        Vertices of the template where the kind is ``"vertices"``, else 0.
    topology_hash : str or None
        Topology of that template.
    fps : float
        Frames a second.
    average_head : str
        The face when no speaker is named.
    encoder_id : str
        The audio encoder.
    provenance : dict
        Where the weights come from: free text fields.

    Raises
    ------
    UserError
        If the parts do not fit together.
    """

    speakers: tuple[str, ...]
    heads: tuple[str, ...]
    mean: tuple[float, ...] = (0.0,)
    scale: tuple[float, ...] = (1.0,)
    kind: str = "coefficients"
    vertices: int = 0
    topology_hash: str | None = None
    fps: float = 25.0
    average_head: str = "neutral@medium"
    encoder_id: str = LogMelEncoder.encoder_id
    provenance: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in ("coefficients", "vertices"):
            raise UserError(f"A model makes coefficients or vertices, not {self.kind!r}.")
        of_vertices = self.kind == "vertices"
        if (self.vertices > 0) != of_vertices or (self.topology_hash is not None) != of_vertices:
            raise UserError("A model of vertices, and no other, names their number and topology.")
        if len(self.heads) != len(self.speakers) or len(set(self.speakers)) != len(self.speakers):
            raise UserError("A model needs one head for each speaker, and no speaker twice.")
        for name in ("mean", "scale"):
            numbers = getattr(self, name)
            if len(numbers) not in (1, self.motion_dim):
                raise UserError(
                    f"The model's {name} has {len(numbers)} numbers; its motion has "
                    f"{self.motion_dim} channels."
                )
            if not all(isinstance(n, (int, float)) and math.isfinite(n) for n in numbers):
                raise UserError(f"The model's {name} holds something that is no finite number.")
        if min(self.scale) <= 0 or self.fps != 25.0:
            raise UserError("A model needs scales above 0 and 25 frames a second.")

    @property
    def motion_dim(self) -> int:
        """Channels of a frame: 52, or three for each vertex."""
        return len(ARKIT_NAMES) if self.kind == "coefficients" else 3 * self.vertices

    def head(self, speaker: str | None) -> str:
        """Return the face of a speaker; without one, the average head.

        Raises
        ------
        UserError
            If the model does not know the speaker.
        """
        if speaker is None:
            return self.average_head
        return self.heads[self.speaker_index(speaker)]

    def speaker_index(self, speaker: str | None) -> int:
        """Return the row of the style table: the speaker's, or the last for the average.

        Raises
        ------
        UserError
            If the model does not know the speaker.
        """
        if speaker is None:
            return len(self.speakers)
        if speaker not in self.speakers:
            known = ", ".join(self.speakers) or "nobody"
            raise UserError(
                f"The model does not know the speaker {speaker!r}. It knows: {known}.\n"
                "Without a speaker it takes an average style."
            )
        return self.speakers.index(speaker)

    def to_dict(self) -> dict[str, Any]:
        """Return the contract as a dict that JSON can hold."""
        names = {"names": list(ARKIT_NAMES)} if self.kind == "coefficients" else {}
        return {"contract_version": _VERSION, **dataclasses.asdict(self), **names}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> MotionContract:
        """Build a contract from what a ``contract.json`` holds.

        Raises
        ------
        UserError
            If it is of another version, or says something that does not fit this package.
        """
        values = dict(values)
        version = values.pop("contract_version", None)
        if version != _VERSION:
            raise UserError(f"The checkpoint's contract has version {version!r}, not {_VERSION}.")
        names = values.pop("names", None)
        known = {item.name for item in dataclasses.fields(cls)}
        if set(values) != known:
            differing = ", ".join(sorted(set(values) ^ known))
            raise UserError(f"The checkpoint's contract lacks fields or has others: {differing}.")
        try:
            for key in ("speakers", "heads"):
                values[key] = tuple(str(item) for item in values[key])
            for key in ("mean", "scale"):
                values[key] = tuple(float(item) for item in values[key])
            for key in ("kind", "average_head", "encoder_id"):
                values[key] = str(values[key])
            values["vertices"] = int(values["vertices"])
            values["fps"] = float(values["fps"])
            values["provenance"] = {str(k): str(v) for k, v in dict(values["provenance"]).items()}
        except (TypeError, ValueError, OverflowError) as error:
            raise UserError(f"The checkpoint's contract is damaged: {error}.") from None
        contract = cls(**values)
        if contract.kind == "coefficients" and names != list(ARKIT_NAMES):
            raise UserError(
                "The checkpoint's coefficients have other names, or another order, than "
                "talking_heads.face.ARKIT_NAMES."
            )
        return contract
