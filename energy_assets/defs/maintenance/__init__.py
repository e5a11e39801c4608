"""Maintenance: closed months rewritten in order; files and answers past their retention deleted."""
