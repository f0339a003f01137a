"""Verification: computing a result again from what a run left behind, and measuring a sample again."""
