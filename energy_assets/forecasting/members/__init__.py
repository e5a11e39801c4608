"""Forecasting members: small models of any target behind one interface.

`history` is what a member sees, `base` the interface, `registry` names to members, `serving` which
trained model serves which day. Every other module is a family of members.
"""
