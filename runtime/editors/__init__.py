"""What colours specs in editors and pages: one vocabulary, taken from the grammar and the catalogue."""
