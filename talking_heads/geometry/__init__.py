"""Meshes and distance functions."""

from talking_heads.geometry.mesh import (
    boundary_edges,
    directed_edges,
    edges,
    is_manifold,
    triangle_normals,
    vertex_normals,
)

__all__ = [
    "boundary_edges",
    "directed_edges",
    "edges",
    "is_manifold",
    "triangle_normals",
    "vertex_normals",
]
