"""The worked examples of the chapters, one module each.

A page, its notebook, its figures and its explorer import the same module, so they show the same
sentence and the same numbers.
"""
