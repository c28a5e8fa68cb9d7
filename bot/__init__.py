"""Talking: processes, network, configuration."""
