"""A crowd at the opening of a sale, and the judge of what it was told.

Nothing here imports the engine: the crowd speaks HTTP, and the judge compares what the crowd was told
with the books it is handed afterwards. One rehearsal is one directory; README.md lists its files.
"""
