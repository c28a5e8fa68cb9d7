"""What every workflow shares: machine, outcome, errors, and the frozen shapes of the plan."""
