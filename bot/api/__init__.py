"""The door for programs: JSON under /api/v1, alerts under /ingest, and what describes them."""
