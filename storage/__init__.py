"""Keeping: the only floor that knows SQL."""
