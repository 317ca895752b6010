"""What a checkpoint promises about the motion it makes, and for whom."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from talking_heads.errors import UserError
from talking_heads.face.names import ARKIT_NAMES
from talking_heads.speech.encoder import LogMelEncoder
from talking_heads.speech.frames import check_fps

if TYPE_CHECKING:
    from talking_heads.corpus.collection import Corpus

_VERSION = 2
"""Version 1 had no unit: all was in metres."""
_MOST_VERTICES = 1_000_000


@dataclass(frozen=True)
class MotionContract:
    """The motion a model makes, and the speakers it knows.

    Parameters
    ----------
    speakers : tuple of str
        Voices with a style of their own, in the order of the style table.
    heads : tuple of str
        The face of each speaker, ``"identity@resolution"`` or ``"speaker@mesh"``.
    mean, scale : tuple of float
        Motion is ``mean + scale * normalised``; one number per channel, or one for all.
    kind : {"coefficients", "vertices"}
        What a frame holds.
    vertices : int
        Vertices of the template where the kind is ``"vertices"``, else 0.
    topology_hash : str or None
        Topology of that template; see `talking_heads.corpus.heads.Surface`.
    fps : float
        Frames a second, above 0.
    average_head : str
        The face when no speaker is named. By default a neutral head or, of vertices, that of the
        first speaker.
    encoder_id : str
        The name of the audio encoder. A `talking_heads.models.Model` puts in that of its own.
    provenance : dict
        Where the weights come from: free text fields.
    unit : str or None
        Of vertices: ``"m"``, or None where the data set has no unit.

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
    average_head: str = ""
    encoder_id: str = LogMelEncoder.encoder_id
    provenance: dict[str, str] = field(default_factory=dict)
    unit: str | None = "m"

    def __post_init__(self) -> None:
        if self.kind not in ("coefficients", "vertices"):
            raise UserError(f"A model makes coefficients or vertices, not {self.kind!r}.")
        of_vertices = self.kind == "vertices"
        if (self.vertices > 0) != of_vertices or (self.topology_hash is not None) != of_vertices:
            raise UserError("A model of vertices, and no other, names their number and topology.")
        if self.vertices > _MOST_VERTICES:
            raise UserError(f"A model makes at most {_MOST_VERTICES:,} vertices.")
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
        if min(self.scale) <= 0:
            raise UserError("A model needs scales above 0.")
        object.__setattr__(self, "fps", check_fps(self.fps))
        if not self.average_head:
            own = self.heads[0] if of_vertices and self.heads else "neutral@medium"
            object.__setattr__(self, "average_head", own)

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
                "Without a speaker it takes an average one."
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
        if version == 1:
            values.setdefault("unit", "m")
        elif version != _VERSION:
            raise UserError(
                f"The checkpoint's contract has version {str(version)[:20]}; this package reads 1 "
                f"to {_VERSION}."
            )
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
            for key in ("topology_hash", "unit"):
                values[key] = None if values[key] is None else str(values[key])
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


def check_fits(contract: MotionContract, corpus: Corpus) -> None:
    """Check that a model makes motion of the kind that a corpus holds.

    Parameters
    ----------
    contract : MotionContract
        The model's.
    corpus : Corpus
        What it is to be measured on, or trained on further.

    Raises
    ------
    UserError
        If kind of motion, mesh, unit or frame rate differ. Says what does, in this order: a model
        of another mesh does not fit at any frame rate.
    """
    _check_kind_and_mesh(contract, corpus)
    if contract.fps != corpus.fps:
        raise UserError(
            f"The model makes {contract.fps:g} frames a second and {corpus.name} has "
            f"{corpus.fps:g}.\nNothing is resampled here: take a model of this frame rate."
        )


def _check_kind_and_mesh(contract: MotionContract, corpus: Corpus) -> None:
    surface = corpus.surface
    if contract.kind != "vertices":
        if corpus.kind == "vertices":
            raise UserError(
                f"The model makes coefficients of the course's head; {corpus.name} holds vertices."
                "\nTake a model that was trained on such vertices."
            )
        return
    made = f"{contract.vertices:,} vertices"
    if surface is None:
        from talking_heads.face import RESOLUTIONS

        # Vertices of the course's head may be compared with what its coefficients give.
        if contract.average_head.partition("@")[2] not in RESOLUTIONS:
            raise UserError(
                f"The model makes {made} of another mesh; {corpus.name} holds coefficients of the "
                "course's head.\nTake a model that was trained on such coefficients."
            )
    elif contract.vertices != surface.vertices:
        raise UserError(
            f"The model makes {made}; the mesh of {corpus.name} has {surface.vertices:,}.\n"
            "Take a model that was trained on this mesh."
        )
    elif contract.unit != corpus.unit:
        raise UserError(
            f"The model makes vertices in {contract.unit or 'no unit'}; those of {corpus.name} are "
            f"in {corpus.unit or 'no unit'}.\nTake a model that was trained on this data set."
        )
    elif not surface.may_be(contract.topology_hash or ""):
        raise UserError(
            f"The model's mesh and that of {corpus.name} have {surface.vertices:,} vertices each, "
            "but other triangles.\nTake a model that was trained on this mesh."
        )
