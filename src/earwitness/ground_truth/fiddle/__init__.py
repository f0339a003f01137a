"""``fiddle``: a MusicGen-architecture model trained on half of Ryan's Mammoth Collection."""
