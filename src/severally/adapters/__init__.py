"""The small adapters: system clock, DNS, key files, the composing processes."""
