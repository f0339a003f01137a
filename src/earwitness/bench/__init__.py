"""The benchmark: what every method says where the truth is known, from data to tables to plots."""
