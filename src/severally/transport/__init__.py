"""One module per way out. A transport takes only what the guard has sealed."""
