"""How good a motion is.

- `measure_clip`, `measure_spread`, `summarise_metrics` and `METRICS`: the field's metrics of
  vertices and of coefficients, each published variant under its own name.
- `lip_report` and `summarise`: how well the lips follow speech, which the field's metrics do not
  tell.
- `match_identities` and `time_per_frame`: whose voice it is, and how long a model takes.
"""

from talking_heads.metrics.arrays import match_lengths, smooth_as_published
from talking_heads.metrics.blendshapes import (
    FDD_MASK,
    FDD_PUBLISHED_MASK,
    LBE_MASK,
    LBE_PUBLISHED_MASK,
    fdd_blendshapes,
    lbe,
    mbe,
)
from talking_heads.metrics.bootstrap import bootstrap_interval, bootstrap_values
from talking_heads.metrics.distances import eve, lve, lve_meshtalk, lve_squared, mod, mve
from talking_heads.metrics.dynamics import fdd, fdd_vertexwise
from talking_heads.metrics.identity import IdentityReport, identity_report, match_identities
from talking_heads.metrics.lips import LipReport, lip_report, peak_lip_velocity
from talking_heads.metrics.measure import (
    average_rows,
    head_parts,
    left_out,
    measure_clip,
    measure_spread,
    measure_truths,
)
from talking_heads.metrics.registry import METRICS, Metric, Parts
from talking_heads.metrics.scores import Score, Target, summarise
from talking_heads.metrics.spread import diversity
from talking_heads.metrics.summary import combine, shown_unit, summarise_metrics
from talking_heads.metrics.timing import FrameTime, time_per_frame
from talking_heads.metrics.vertex_error import lip_surface, max_vertex_error

__all__ = [
    "FDD_MASK",
    "FDD_PUBLISHED_MASK",
    "LBE_MASK",
    "LBE_PUBLISHED_MASK",
    "METRICS",
    "FrameTime",
    "IdentityReport",
    "LipReport",
    "Metric",
    "Parts",
    "Score",
    "Target",
    "average_rows",
    "bootstrap_interval",
    "bootstrap_values",
    "combine",
    "diversity",
    "eve",
    "fdd",
    "fdd_blendshapes",
    "fdd_vertexwise",
    "head_parts",
    "identity_report",
    "lbe",
    "left_out",
    "lip_report",
    "lip_surface",
    "lve",
    "lve_meshtalk",
    "lve_squared",
    "match_identities",
    "match_lengths",
    "max_vertex_error",
    "mbe",
    "measure_clip",
    "measure_spread",
    "measure_truths",
    "mod",
    "mve",
    "peak_lip_velocity",
    "shown_unit",
    "smooth_as_published",
    "summarise",
    "summarise_metrics",
    "time_per_frame",
]
