"""Layers whose groups reach other processes: what each of them adds to what all layers do."""
