"""Tests of what a port shows beside RPC."""
