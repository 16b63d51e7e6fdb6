"""`ticketing bench`: how fast this release is on this machine, against baselines in the same run.

A figure alone says more about the machine than about the code, so each row is a ratio: ours and a baseline, measured
in turns on the same processors in the same minutes.
"""
