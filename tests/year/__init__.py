"""A year of the watch in minutes: random incidents, silent people, edited plans, killed machines and jumping clocks; see `__main__`."""
