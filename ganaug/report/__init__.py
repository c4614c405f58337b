"""Reports for people: one HTML file, text for the terminal, pictures. Reads results."""
