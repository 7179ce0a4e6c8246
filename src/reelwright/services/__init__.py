"""One function is one thing that a person or a workflow can do. Each is one transaction, and each may be done twice."""
