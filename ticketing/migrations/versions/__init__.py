"""One file a version of the database, oldest first by `down_revision`."""
