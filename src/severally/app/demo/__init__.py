"""`severally demo`: the whole journey on a simulated internet."""
