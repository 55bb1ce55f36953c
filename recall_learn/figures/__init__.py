"""Figures and tables made from plain numbers and recorded runs: plotly, one claim each, one look.

A builder trains nothing and reads no file.
"""
