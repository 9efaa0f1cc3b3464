"""Doctor: is this installation well?"""
