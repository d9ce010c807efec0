"""What is computed: the dialects, their types and facts, and the arithmetic that they mean.

Imports nothing of recog but itself.
"""
