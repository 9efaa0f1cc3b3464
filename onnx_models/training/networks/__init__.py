"""Networks: what are the models made of?"""
