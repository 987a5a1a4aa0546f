"""What a person meets: configuration, the verbs, the command line. Ties all rooms together."""
