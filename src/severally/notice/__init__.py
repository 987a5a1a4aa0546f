"""Source text, translations and layout -> one stencil per locale; what is wrong with a draft."""
