"""Six published drum models as a target of earwitness: a plug-in, and a measured ladder of real leaks.

The models, their data and the data's published split are in one public repository; nothing of it is here.
"""
