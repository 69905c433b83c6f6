"""Warm kernels: a fork server that has imported what notebooks import, one fork for each.

`server` is the program, `client` starts it and asks it for forks, `provisioner` makes a fork a
kernel of Jupyter's. Every fork builds the sandbox around itself (`isolate`) before any code of a
student's runs; where a step fails the fork ends, and says which.
"""
