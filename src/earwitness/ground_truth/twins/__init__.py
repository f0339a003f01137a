"""``twins``: a MusicGen-architecture model trained on the published copies of marked tunes."""
