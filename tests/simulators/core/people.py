class NotPossible(AssertionError):
    """No person could do this: the button is not there, a required field is empty, the card is too old."""
