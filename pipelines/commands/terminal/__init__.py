"""What does a person see and hear of a command: how much is said, how far it is, what came of it?"""
