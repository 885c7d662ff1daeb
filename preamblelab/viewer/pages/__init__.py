"""One module for each page: a source and a query in, the finished page out."""
