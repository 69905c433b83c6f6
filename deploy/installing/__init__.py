"""The parts of deploy/install.py. Standard library only: they run before anything is installed."""
