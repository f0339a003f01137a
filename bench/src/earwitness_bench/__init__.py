"""The benchmark and the training recipes: what every method says where the truth is known, from data to pages."""
