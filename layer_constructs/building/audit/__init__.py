"""A finished tree is looked at: does every file load on the target?"""
