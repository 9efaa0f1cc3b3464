"""Examples: what do the models learn from?"""
