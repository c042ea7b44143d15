"""The language of rules: conditions that a supervisor combines in YAML, without code.

`condition` is what is written, `tree` what is run; each other file is one group of operators. Truth
has three values (`answer`): what was heard too badly to say is UNKNOWN and never costs points.
"""
