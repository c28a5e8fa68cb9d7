"""All tables, so that importing the package fills the metadata."""

from storage.tables import api, audit, enquiries, files, papers, queues, records, rooms, rounds, sessions, shelf, statements, whereabouts

__all__ = [
    "api",
    "audit",
    "enquiries",
    "files",
    "papers",
    "queues",
    "records",
    "rooms",
    "rounds",
    "sessions",
    "shelf",
    "statements",
    "whereabouts",
]
