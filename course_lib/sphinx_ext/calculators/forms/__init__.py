"""What the calculators ask and answer: standard library only, at build and in the page.

The bundle carries this package into the browser under the name ``forms``, beside the modules of
the library that it imports, and with the fitted laws as ``laws.json``.
"""
