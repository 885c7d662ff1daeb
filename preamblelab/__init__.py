"""Does this preamble help this model, how much, and should I ship it?"""
