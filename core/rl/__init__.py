"""The agent that learns which channels to keep."""
