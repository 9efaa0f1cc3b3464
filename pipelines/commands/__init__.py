"""Commands: what does a person type?"""
