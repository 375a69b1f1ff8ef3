"""Tests of what a server tells of itself: documents, schemas, who is told what."""
