"""What the lessons show: figures of recorded runs, and controls on running ones."""
