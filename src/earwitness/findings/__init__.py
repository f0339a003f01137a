"""Findings: what two sets of files are and can show, before any model is asked."""
