"""What is wrong, or will never matter, in a folder of lexicons: for `qc-speech rules check`
and `rules test`."""

from qc_speech.rules.audit.examples import failing as failing
from qc_speech.rules.audit.flaw import Flaw as Flaw
from qc_speech.rules.audit.folder import audit as audit
from qc_speech.rules.audit.folder import rulebook_flaws as rulebook_flaws
