"""Tests: a module beside each of the package's, and rooms for what spans them."""
