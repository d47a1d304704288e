"""An LLM agent in your Jupyter notebook, and everything it does in a DataFrame."""
