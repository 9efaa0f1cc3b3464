"""Models: how is each of them fitted and exported?"""
