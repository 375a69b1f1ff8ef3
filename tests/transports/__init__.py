"""Tests of the transports: real servers on loopback, and clients that send raw bytes."""
