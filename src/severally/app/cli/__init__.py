"""The command line: verbs, their help, and how results look to people."""
