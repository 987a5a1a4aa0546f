"""A receiving world on loopback, with limits, moods and faults; and a clock that jumps.

`world.World` runs in this process, `process.WorldProcess` in one of its own that outlives a
sender that is killed. What the world counted and kept is the judge of a proof: it shares no
code with what sends.
"""
