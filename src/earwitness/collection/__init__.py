"""A collection: which files are in it, what is known of each track, and which tracks belong together."""
