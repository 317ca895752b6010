"""Meshes: normals, neighbourhoods, coarser versions; distance functions."""

from talking_heads.geometry.decimation import Decimation, decimate
from talking_heads.geometry.mesh import (
    boundary_edges,
    directed_edges,
    edges,
    is_manifold,
    triangle_normals,
    vertex_normals,
)
from talking_heads.geometry.pyramid import (
    MeshPyramid,
    PyramidLevel,
    build_pyramid,
    receptive_field,
)
from talking_heads.geometry.rings import Fan, k_rings, vertex_fans
from talking_heads.geometry.spirals import spirals
from talking_heads.geometry.upsampling import upsampling_matrix

__all__ = [
    "Decimation",
    "Fan",
    "MeshPyramid",
    "PyramidLevel",
    "boundary_edges",
    "build_pyramid",
    "decimate",
    "directed_edges",
    "edges",
    "is_manifold",
    "k_rings",
    "receptive_field",
    "spirals",
    "triangle_normals",
    "upsampling_matrix",
    "vertex_fans",
    "vertex_normals",
]
