"""Asking: what people and clocks may ask for, one file per workflow."""
