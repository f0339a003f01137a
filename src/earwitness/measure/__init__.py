"""Measuring: from the files of a collection to a feature table, by asking a target."""
