"""For the kernels of this environment: leave out the warning that a kernel talks to its own machine
without encryption. `make book` puts this file where IPython reads it.
"""

c = get_config()
c.IPKernelApp.log_level = "ERROR"
