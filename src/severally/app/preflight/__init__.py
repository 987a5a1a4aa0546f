"""What receivers will look at before they let a sender in, looked at first by ourselves."""
