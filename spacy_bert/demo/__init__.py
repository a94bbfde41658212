"""Installed Python packages -> the default run's corpus and labelled Docs."""

from __future__ import annotations

from .build import DemoCounts, build_demo_data

__all__ = ["DemoCounts", "build_demo_data"]
