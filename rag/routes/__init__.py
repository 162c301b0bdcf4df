"""The worlds over HTTP, one module a part of the work; each offers its `routes`."""
