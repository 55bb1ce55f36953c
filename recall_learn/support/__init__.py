"""What every room stands on: checked numbers, files written whole or not at all, locks, the machine that it runs on.

Nothing here knows what learning is. It imports nothing of the library.
"""
