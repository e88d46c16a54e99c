"""What is seen in the window; docks.py is the table of the panels that stand in docks."""
