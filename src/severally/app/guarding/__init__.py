"""The drop-in guard as a server: SMTP submission and the providers' HTTP endpoints."""
