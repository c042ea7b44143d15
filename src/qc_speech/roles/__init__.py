"""Speaker -> agent or customer: several kinds of evidence in one probability. Pure."""

from __future__ import annotations

from qc_speech.roles.announcements import set_apart
from qc_speech.roles.evidence import RoleEvidence, load_role_evidence
from qc_speech.roles.guess import Clues, guess_roles, with_roles

__all__ = [
    "Clues",
    "RoleEvidence",
    "guess_roles",
    "load_role_evidence",
    "set_apart",
    "with_roles",
]
