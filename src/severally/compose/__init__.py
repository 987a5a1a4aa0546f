"""Stencil + recipient -> exact message bytes. Pure: the same arguments give the same bytes."""
