"""Settings of all tests: time limits per example say more about the machine than about the code."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("qc_speech", deadline=None)
settings.load_profile("qc_speech")
