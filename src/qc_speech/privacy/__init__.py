"""Personal data in calls: found, masked, kept for so long and no longer."""
