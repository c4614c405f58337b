"""What `ganaug demo` shows: data that needs no download, and the scenes made of it."""
