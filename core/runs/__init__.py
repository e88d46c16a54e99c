"""A run's folder: written while the search goes on (flow.py), read again later (history.py).

Nothing is imported here, so that the window can list finished runs before torch is there.
"""
