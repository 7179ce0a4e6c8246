"""The only DBOS: durable workflows whose steps are one line each, a call to a service."""
