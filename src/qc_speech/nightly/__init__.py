"""A batch of many recordings, unattended: takes what is new, does each once, and can be killed.

`profile` says what is wanted, `looking` finds recordings, the queue in the store knows what became
of each, `night` hands them to worker processes (`crew`, `worker`) and enters how they ended.
"""

from __future__ import annotations
