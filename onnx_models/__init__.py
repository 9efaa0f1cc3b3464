"""With which trained models? The models, their manifest and the loader that verifies and opens them."""
