"""Tasks from a user's own commits: read a history safely, choose commits, make cases of them."""
