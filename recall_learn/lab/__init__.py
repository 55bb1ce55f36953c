"""The live lab: controls on a fine-tuning that is running, and the explorer of recorded runs."""
