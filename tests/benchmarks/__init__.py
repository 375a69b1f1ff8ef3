"""The benchmarks: that they measure what they say, and report what they found."""
