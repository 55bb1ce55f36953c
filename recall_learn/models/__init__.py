"""Pretrained models: found, loaded, and taken apart into what was pretrained and what is new.

All that knows about checkpoints, tokenizers, configurations and the hub.
"""
