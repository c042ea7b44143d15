"""The agents' side: deductions accepted or appealed, and appeals decided by a second inspector."""
