"""The verdict: from a feature table to a sentence, with what it rests on and how far it carries."""
