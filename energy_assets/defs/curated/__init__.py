"""Curated: unit generation, availability and market series as the desk believes them."""
