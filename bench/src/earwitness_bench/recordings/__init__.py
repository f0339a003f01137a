"""Real recordings by named artists: which package they come from, what is trained on, what the audits say."""
