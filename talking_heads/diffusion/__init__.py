"""Noise schedules and samplers, as plain functions."""
