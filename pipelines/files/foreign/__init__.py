"""Foreign: how is a file read that somebody else has made, whatever is wrong with it?"""
