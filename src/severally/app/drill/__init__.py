"""`drill`: break-glass from draft to canary, practised on the simulated world."""
