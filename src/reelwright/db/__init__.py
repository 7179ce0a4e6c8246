"""The only SQL: tables, migrations and one file of queries for each noun, on SQLite or PostgreSQL."""
