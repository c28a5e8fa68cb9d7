"""All tables, so that importing the package fills the metadata."""

from storage.tables import audit, queues, records, rooms, shelf

__all__ = ["audit", "queues", "records", "rooms", "shelf"]
