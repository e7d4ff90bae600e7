"""New versions of models, without a failed request and without a photo that nobody can restore (docs/adr/0009)."""
