"""What other programs hand in, in their providers' own words, and the answers they are given.

One module for each provider: reads its requests into drafts and answers as it does. Judges
nothing: who would see whom is the guard's question.
"""
