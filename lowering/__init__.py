"""From a network to a program: the passes, each family in a folder of its own.

Imports recog.backend and recog.dialects.
"""
