"""Loopback sources: servers on 127.0.0.1 that speak the formats of the real ones.

`server` answers any handler and injects faults; each other module is one source, its documents
made by code for this project. Nothing here reaches beyond this machine.
"""
