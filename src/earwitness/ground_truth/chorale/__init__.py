"""``chorale``: a FIGARO-architecture model trained on half of Bach's four-part chorales."""
