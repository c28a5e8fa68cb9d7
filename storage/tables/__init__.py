"""All tables, so that importing the package fills the metadata."""

from storage.tables import audit, files, queues, records, rooms, sessions, shelf

__all__ = ["audit", "files", "queues", "records", "rooms", "sessions", "shelf"]
