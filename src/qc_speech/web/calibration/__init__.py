"""Calibration: several inspectors judge the same calls without seeing each other."""
