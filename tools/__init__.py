"""What people call: the commands, their reports and pictures.

Imports all the rest, and nothing imports it.
"""
