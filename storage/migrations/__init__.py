"""Schema changes, forward only; `storage.schema` applies them."""
